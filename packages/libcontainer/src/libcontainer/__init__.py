"""libcontainer."""
