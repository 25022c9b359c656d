"""One module per command: ``run(options, environment) -> exit status``; what commands do is in libcontainer."""
