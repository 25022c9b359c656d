"""The seam between libcontainer and the kernel: everything that changes the system goes through a ``Syscall``.

It is passed as an argument from ``main`` down; there is no default instance. ``libcontainer.syscall.linux`` has the
real one, ``libcontainer.testing.recording`` the fake that records calls and injects failures. One method is one system
call, named and documented by its man page; every failure is an OSError whose ``syscall`` attribute names the call.
Reading (stat, read, listdir) is done with ``os`` directly.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn, Protocol, TypeAlias

    Kernel: TypeAlias = Callable[[], "Syscall"]
    """How to get the system calls, for what seldom needs them: loading the cffi module costs a millisecond."""

    class Syscall(Protocol):
        """What libcontainer may ask of the kernel; paths are str, fds are int, flags are those of ``flags``."""

        # processes
        def clone3(self, flags: int, *, cgroup_fd: int = -1) -> tuple[int, int]:
            """clone3(2) without CLONE_VM: returns (pid, pidfd) in the parent and (0, -1) in the child."""

        @property
        def can_share_memory(self) -> bool:
            """Tell whether ``spawn`` can have a child share our memory."""

        def spawn(
            self, run: Callable[[int], object], flags: int, *, cgroup_fd: int = -1, successor: Sequence[str] = ()
        ) -> tuple[int, int]:
            """clone3(2) of a child that calls ``run`` and ends with status 1 should that return: returns (pid, pidfd).

            ``run`` is given the pid as we see it, or 0 if it does not share our memory.

            With a successor and where this interpreter can, the child shares our memory and we wait until it has
            executed a program or ended, as after vfork(2). What it does to objects remains; what it does to
            descriptors, working directory and ids is its own. If it is killed instead, this process executes the
            command line of the successor, with the child's pid in the variable ``LIBCONTAINER_DEAD_CHILD``.
            """

        def execve(self, path: str, argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
            """execve(2)."""

        def execveat(self, fd: int, argv: Sequence[str], environment: Sequence[str]) -> NoReturn:
            """execveat(2) of the file itself that fd refers to (AT_EMPTY_PATH)."""

        def pidfd_send_signal(self, pidfd: int, signal: int) -> None:
            """pidfd_send_signal(2)."""

        def default_signals(self) -> None:
            """rt_sigaction(2) of every signal to SIG_DFL, and rt_sigprocmask(2) to block none."""

        def setsid(self) -> None:
            """setsid(2)."""

        def prctl(self, option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
            """prctl(2)."""

        def set_name(self, name: str) -> None:
            """prctl(2) with PR_SET_NAME; the kernel keeps the first 15 bytes."""

        def personality(self, persona: int) -> None:
            """personality(2)."""

        def umask(self, mask: int) -> int:
            """umask(2), returns the old mask."""

        def close_range(self, first: int, last: int, flags: int = 0) -> None:
            """close_range(2)."""

        # namespaces
        def unshare(self, flags: int) -> None:
            """unshare(2)."""

        def setns(self, fd: int, nstype: int) -> None:
            """setns(2)."""

        def sethostname(self, name: str) -> None:
            """sethostname(2)."""

        def setdomainname(self, name: str) -> None:
            """setdomainname(2)."""

        # sockets
        def socket(self, domain: int, type: int) -> int:
            """socket(2); SOCK_CLOEXEC is always added."""

        def bind_unix(self, fd: int, path: str) -> None:
            """bind(2) of a socket of AF_UNIX."""

        def listen(self, fd: int, backlog: int) -> None:
            """listen(2)."""

        # file systems
        def mount(self, source: str | None, target: str, fstype: str | None, flags: int, data: str | None) -> None:
            """mount(2)."""

        def umount2(self, target: str, flags: int) -> None:
            """umount2(2)."""

        def pivot_root(self, new_root: str, put_old: str) -> None:
            """pivot_root(2)."""

        def chroot(self, path: str) -> None:
            """chroot(2)."""

        def chdir(self, path: str) -> None:
            """chdir(2)."""

        def fchdir(self, fd: int) -> None:
            """fchdir(2)."""

        def openat2(self, dirfd: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
            """openat2(2); O_CLOEXEC is always added."""

        def open_tree(self, dirfd: int, path: str, flags: int) -> int:
            """open_tree(2); OPEN_TREE_CLOEXEC is always added."""

        def move_mount(self, from_dirfd: int, from_path: str, to_dirfd: int, to_path: str, flags: int) -> None:
            """move_mount(2)."""

        def fsopen(self, fsname: str) -> int:
            """fsopen(2) with FSOPEN_CLOEXEC."""

        def fsconfig(
            self, fd: int, command: int, key: str | None = None, value: str | None = None, aux: int = 0
        ) -> None:
            """fsconfig(2)."""

        def fsmount(self, fd: int, attributes: int = 0) -> int:
            """fsmount(2) with FSMOUNT_CLOEXEC."""

        def mount_setattr(
            self,
            dirfd: int,
            path: str,
            flags: int,
            attr_set: int = 0,
            attr_clr: int = 0,
            propagation: int = 0,
            userns_fd: int = 0,
        ) -> None:
            """mount_setattr(2)."""

        def mkdir(self, path: str, mode: int, dir_fd: int | None = None) -> None:
            """mkdirat(2)."""

        def mknod(self, path: str, mode: int, device: int, dir_fd: int | None = None) -> None:
            """mknodat(2)."""

        def symlink(self, target: str, path: str, dir_fd: int | None = None) -> None:
            """symlinkat(2)."""

        def unlink(self, path: str, dir_fd: int | None = None) -> None:
            """unlinkat(2) of a file."""

        def fchmod(self, fd: int, mode: int) -> None:
            """fchmod(2)."""

        def fchown(self, fd: int, uid: int, gid: int) -> None:
            """fchown(2)."""

        def chown(self, path: str, uid: int, gid: int, dir_fd: int | None = None) -> None:
            """fchownat(2) with AT_SYMLINK_NOFOLLOW."""

        def fstatfs_type(self, fd: int) -> int:
            """The f_type of fstatfs(2): the magic number of the file system behind fd."""

        # identity and limits
        def setresuid(self, uid: int) -> None:
            """setresuid(2) of all three ids."""

        def setresgid(self, gid: int) -> None:
            """setresgid(2) of all three ids."""

        def setgroups(self, groups: Sequence[int]) -> None:
            """setgroups(2)."""

        def capget(self) -> tuple[int, int, int]:
            """capget(2): the (effective, permitted, inheritable) sets as bit masks."""

        def capset(self, effective: int, permitted: int, inheritable: int) -> None:
            """capset(2): the sets as bit masks."""

        def setrlimit(self, resource: int, soft: int, hard: int, pid: int = 0) -> None:
            """prlimit(2); the limits as unsigned 64-bit numbers, pid 0 is the calling process."""

        def hard_limit(self, resource: int, pid: int = 0) -> int:
            """prlimit(2), reading; as an unsigned 64-bit number."""

        def keyctl_join_session_keyring(self, name: str) -> int:
            """keyctl_join_session_keyring(3), returns the key's serial number."""

        def keyctl_setperm(self, key: int, permissions: int) -> None:
            """keyctl_setperm(3)."""

        def seccomp_set_mode_filter(self, flags: int, program: bytes) -> int:
            """seccomp(2) SECCOMP_SET_MODE_FILTER with raw BPF; returns the listener's fd when asked for, else 0."""

        # scheduling
        def ioprio_set(self, which: int, who: int, priority: int) -> None:
            """ioprio_set(2)."""

        def sched_setattr(
            self, policy: int, flags: int, nice: int, priority: int, runtime: int, deadline: int, period: int
        ) -> None:
            """sched_setattr(2) of the calling process; times in nanoseconds."""

        def sched_setaffinity(self, processors: Sequence[int], pid: int = 0) -> None:
            """sched_setaffinity(2); pid 0 is the calling process."""

        def set_mempolicy(self, mode: int, nodes: Sequence[int]) -> None:
            """set_mempolicy(2)."""


def linux() -> Syscall:
    """Return the real system calls; a ``Kernel``."""
    from libcontainer.syscall.linux import LinuxSyscall

    return LinuxSyscall()
