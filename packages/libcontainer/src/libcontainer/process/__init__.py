"""The processes that create a container and enter one: main, intermediate, init, joiner, and what they tell each other."""
