"""A small blocking D-Bus client, enough to talk to systemd; not a general binding (that is ``dbus-next``).

Engines pass ``--systemd-cgroup`` on every call, so this must import fast: it needs ``_socket`` and ``struct`` only.
"""
