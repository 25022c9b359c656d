"""pyouki: an OCI container runtime; a thin program over libcontainer, libcgroups, libseccomp and liboci_cli."""

__version__ = "0.1.0"
