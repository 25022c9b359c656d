"""The pseudoterminal of a container, pty(7): made in its devpts, its slave for the process, its master for a client.

What happens on the caller's side with the master of a foreground container is in ``foreground``.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import stat
import struct

from libcontainer import errors, unix_socket
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.oci.spec import Box
    from libcontainer.syscall import Syscall

# asm-generic/ioctls.h: ioctl_tty(2)
_TIOCSCTTY = 0x540E
_TIOCGWINSZ = 0x5413
_TIOCSWINSZ = 0x5414
_TIOCGPTN = 0x80045430
_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441

_PTMX = os.makedev(5, 2)
_PTMX_INODE = 2
_PTY_SLAVE_MAJORS = range(136, 144)


def setup_console(syscall: Syscall, root_fd: int, size: Box | None, *, bind: bool = True) -> tuple[int, str]:
    """Make a terminal and put this process, a session leader, on it: controlling terminal, descriptors 0 to 2.

    Call it in the container's mount namespace, after setsid(2) and, in init, after pivot_root(2).

    ``root_fd`` is the root directory of the container. ``size`` is process.consoleSize; None leaves 0x0. ``bind`` tells
    whether the slave is bound onto /dev/console, as init does and exec does not.

    Returns:
        The master's descriptor and the slave's name in the container, such as ``/dev/pts/0``.

    Raises:
        LibcontainerError: the container's devpts is missing or not genuine.
        SyscallError: a step was refused by the kernel.
    """
    dev_fd = _open_directory(syscall, root_fd, "dev")
    try:
        master_fd, slave_fd, name = open_pair(syscall, dev_fd)
        try:
            if size is not None:
                set_size(master_fd, size.height, size.width)
            if bind:
                bind_console(syscall, dev_fd, slave_fd)
            attach(slave_fd)
        except BaseException:
            os.close(master_fd)
            raise
        finally:
            if slave_fd > 2:
                os.close(slave_fd)
    finally:
        os.close(dev_fd)
    return master_fd, name


def open_pair(syscall: Syscall, dev_fd: int) -> tuple[int, int, str]:
    """Open a new pseudoterminal of the devpts at ``pts`` below a /dev.

    The multiplexer is reached through a directory that is checked to be a devpts, where nobody but the kernel can put
    files, and the slave by TIOCGPTPEER: a /dev that the image controls has no say (CVE-2025-52565).

    Returns:
        The master's and the slave's descriptor, and the slave's name.
    """
    pts_fd = _open_directory(syscall, dev_fd, "pts")
    try:
        if syscall.fstatfs_type(pts_fd) != flags.DEVPTS_SUPER_MAGIC:
            raise _no_devpts("it is not a devpts")
        try:
            master_fd = syscall.openat2(
                pts_fd,
                "ptmx",
                os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC,
                resolve=flags.RESOLVE_BENEATH | flags.RESOLVE_NO_SYMLINKS | flags.RESOLVE_NO_XDEV,
            )
        except OSError as error:
            raise _refused(error, "open /dev/pts/ptmx", _ptmx_hint(error)) from error
    finally:
        os.close(pts_fd)
    try:
        found = os.fstat(master_fd)
        if not stat.S_ISCHR(found.st_mode) or found.st_rdev != _PTMX or found.st_ino != _PTMX_INODE:
            raise _no_devpts("/dev/pts/ptmx is not the pseudoterminal multiplexer")
        return master_fd, *_open_slave(syscall, master_fd)
    except BaseException:
        os.close(master_fd)
        raise


def set_size(fd: int, height: int, width: int) -> None:
    """Set the size of a terminal in characters, TIOCSWINSZ; sizes above 65535 are cut to that."""
    size = struct.pack("HHHH", min(height, 65535), min(width, 65535), 0, 0)
    try:
        fcntl.ioctl(fd, _TIOCSWINSZ, size)
    except OSError as error:
        raise _refused(error, f"set the size of the terminal to {width}x{height}") from error


def copy_size(from_fd: int, to_fd: int) -> None:
    """Give a terminal the size of another one, as after SIGWINCH.

    Raises:
        OSError: one of them is not a terminal.
    """
    fcntl.ioctl(to_fd, _TIOCSWINSZ, fcntl.ioctl(from_fd, _TIOCGWINSZ, bytes(8)))


def bind_console(syscall: Syscall, dev_fd: int, slave_fd: int) -> None:
    """Bind-mount the slave onto ``console`` below a /dev.

    The mount point is made when missing and never opened but as a path, never followed if it is a symbolic link; both
    ends of the mount are descriptors (CVE-2025-52565, CVE-2026-88264).
    """
    try:
        target_fd = _open_console_file(syscall, dev_fd)
    except OSError as error:
        hint = "/dev/console is a symbolic link" if error.errno == errno.ELOOP else None
        raise _refused(error, "make /dev/console", hint) from error
    try:
        tree_fd = syscall.open_tree(slave_fd, "", flags.OPEN_TREE_CLONE | flags.AT_EMPTY_PATH)
        try:
            syscall.move_mount(
                tree_fd, "", target_fd, "", flags.MOVE_MOUNT_F_EMPTY_PATH | flags.MOVE_MOUNT_T_EMPTY_PATH
            )
        finally:
            os.close(tree_fd)
    except OSError as error:
        raise _refused(error, "bind the terminal onto /dev/console") from error
    finally:
        os.close(target_fd)


def attach(slave_fd: int) -> None:
    """Make the terminal the controlling one of this session leader and its descriptors 0 to 2."""
    try:
        fcntl.ioctl(slave_fd, _TIOCSCTTY, 0)
    except OSError as error:
        raise _refused(error, "make the terminal the controlling terminal") from error
    for fd in range(3):
        os.dup2(slave_fd, fd, inheritable=True)


def connect_console_socket(path: str) -> int:
    """Connect to the socket a client listens on for the master, ``--console-socket``; returns the descriptor.

    Raises:
        SyscallError: nobody listens, or the path is not a socket.
    """
    try:
        return unix_socket.connect(path).detach()
    except OSError as error:
        raise errors.syscall_error(
            error, f"connect to console socket {path}", step="console", hint="does the client listen on it?"
        ) from error


def send_master(socket_fd: int, master_fd: int, name: str) -> None:
    """Send the master over a connected console socket: one message, one descriptor, the slave's name as payload."""
    connection = _socket.socket(fileno=socket_fd)
    try:
        unix_socket.send(connection, os.fsencode(name), master_fd)
    except OSError as error:
        raise _refused(error, "send the terminal over the console socket") from error
    finally:
        connection.detach()


def _open_slave(syscall: Syscall, master_fd: int) -> tuple[int, str]:
    try:
        fcntl.ioctl(master_fd, _TIOCSPTLCK, struct.pack("i", 0))
        slave_fd = fcntl.ioctl(master_fd, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        number = struct.unpack("I", fcntl.ioctl(master_fd, _TIOCGPTN, bytes(4)))[0]
    except OSError as error:
        raise _refused(error, "open the slave of the terminal") from error
    found = os.fstat(slave_fd)
    if (
        not stat.S_ISCHR(found.st_mode)
        or os.major(found.st_rdev) not in _PTY_SLAVE_MAJORS
        or syscall.fstatfs_type(slave_fd) != flags.DEVPTS_SUPER_MAGIC
    ):
        os.close(slave_fd)
        raise _no_devpts("the slave is not a pseudoterminal")
    return slave_fd, f"/dev/pts/{number}"


def _open_directory(syscall: Syscall, parent_fd: int, name: str) -> int:
    try:
        return syscall.openat2(
            parent_fd,
            name,
            os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC,
            resolve=flags.RESOLVE_IN_ROOT | flags.RESOLVE_NO_SYMLINKS,
        )
    except OSError as error:
        raise _refused(error, f"open {name} for the terminal", _DEVPTS_HINT) from error


def _open_console_file(syscall: Syscall, dev_fd: int) -> int:
    """Return an O_PATH descriptor of ``console``, which is made when it is missing; a symbolic link is ELOOP."""
    beneath = flags.RESOLVE_BENEATH | flags.RESOLVE_NO_SYMLINKS
    # Not O_NOFOLLOW: together with O_PATH that would open the link itself.
    path_only = os.O_PATH | os.O_CLOEXEC
    try:
        return syscall.openat2(dev_fd, "console", path_only, resolve=beneath)
    except FileNotFoundError:
        create = os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(syscall.openat2(dev_fd, "console", create, 0o666, beneath))
        return syscall.openat2(dev_fd, "console", path_only, resolve=beneath)


_DEVPTS_HINT = "a terminal needs a devpts mounted at /dev/pts"


def _no_devpts(reason: str) -> errors.LibcontainerError:
    return errors.LibcontainerError(
        f"open /dev/pts: {reason}", step="console", property="process.terminal", object="/dev/pts", hint=_DEVPTS_HINT
    )


def _ptmx_hint(error: OSError) -> str | None:
    if error.errno == errno.EACCES:
        return "mount devpts with ptmxmode=0666"
    if error.errno == errno.ENOSPC:
        return "no terminal is left, see kernel.pty.max and the mount option max of devpts"
    return None


def _refused(error: OSError, message: str, hint: str | None = None) -> errors.SyscallError:
    return errors.syscall_error(error, message, step="console", property="process.terminal", hint=hint)
