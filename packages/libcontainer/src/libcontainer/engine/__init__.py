"""A process of its own that makes containers for a program with threads: fork(2) there would deadlock; not an API.

``client`` is the program's side and ``server`` the engine's. A call is one datagram on the control socket with one end
of a fresh socket pair beside it: the answer, and later the exit status of what was started, come over that pair. So
every thread waits on a socket of its own, and end of file on either side means that the other one has died.
"""
