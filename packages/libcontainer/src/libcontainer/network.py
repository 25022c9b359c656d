"""The loopback device of a new network namespace; devices moved in from the host are in ``net_devices``."""

from __future__ import annotations

import fcntl
import os
import sys

from libcontainer import errors
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.syscall import Syscall

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_IFF_RUNNING = 0x40
# struct ifreq of linux/if.h: a name of 16 bytes and a union of 24, here a short; the struct module costs an import.
_LOOPBACK_UP = (b"lo".ljust(16, b"\0") + (_IFF_UP | _IFF_RUNNING).to_bytes(2, sys.byteorder)).ljust(40, b"\0")


def bring_up_loopback(syscall: Syscall) -> None:
    """Set ``lo`` of the calling process's network namespace up; netdevice(7) SIOCSIFFLAGS. Its addresses follow.

    Raises:
        SyscallError: EPERM without CAP_NET_ADMIN over the namespace.
    """
    try:
        probe = syscall.socket(flags.AF_INET, flags.SOCK_DGRAM)
        try:
            fcntl.ioctl(probe, _SIOCSIFFLAGS, _LOOPBACK_UP)
        finally:
            os.close(probe)
    except OSError as error:
        raise errors.syscall_error(error, "bring up the loopback device", step="network") from error
