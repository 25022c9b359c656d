"""The processes that create and enter a container: main, intermediate, init, joiner, and what they tell each other."""
