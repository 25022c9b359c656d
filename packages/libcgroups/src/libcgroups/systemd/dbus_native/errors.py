"""The errors of the D-Bus client.

::

    libcgroups.errors.CgroupError
    └── DbusError
        ├── SerializeError         a value does not fit its signature, or bytes are not a value of it
        ├── ConnectionFailedError  no bus, or it went away, or it did not answer in time
        ├── AuthenticationError    the bus does not believe us
        └── MethodError            the peer answered with an error; ``name`` is its D-Bus name
"""

from __future__ import annotations

from libcgroups.errors import CgroupError


class DbusError(CgroupError):
    """Anything that went wrong while talking to a bus."""


class SerializeError(DbusError):
    """A value does not fit its signature, or bytes are not a value of it."""


class ConnectionFailedError(DbusError):
    """No bus is there, or it went away, or it did not answer in time."""


class AuthenticationError(DbusError):
    """The bus does not accept our credentials."""


class MethodError(DbusError):
    """The peer answered a call with an error.

    Attributes:
        name: the D-Bus name of the error, ``org.freedesktop.systemd1.NoSuchUnit``.
    """

    def __init__(self, call: str, name: str, text: str, *, hint: str = "") -> None:
        short = name.rpartition(".")[2]
        super().__init__(f"{call}: {text or short} ({name})", hint=hint)
        self.name = name
