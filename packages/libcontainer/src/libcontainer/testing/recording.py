"""A ``Syscall`` that changes nothing: it records every call and fails where it is told; not a model of the kernel."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn


class Executed(Exception):
    """Raised by ``execve`` and ``execveat``, which do not return."""


class RecordingSyscall:
    """The ``Syscall`` protocol as a fake.

    Calls that return descriptors return real ones, so that they can be stat'ed and must be closed: an O_PATH descriptor
    of what ``files`` has for the call's path, of ``/`` otherwise::

        kernel = RecordingSyscall(failures={"mount": errno.EPERM}, files={"/dev/null": "/dev/null"})

    Attributes:
        calls: every call in order: its name, then its arguments as they were given.
    """

    def __init__(
        self,
        *,
        failures: Mapping[str, int] | None = None,
        files: Mapping[str, str] | None = None,
        results: Mapping[str, int] | None = None,
    ) -> None:
        """Make a fake.

        Args:
            failures: errno by the name of the call that is to fail with it.
            files: path of the real file that a descriptor refers to, by the path (or file system name) in the call.
            results: what other calls return by name; clone3 returns the pid from here, the others 0 by default.
        """
        self.calls: list[tuple[object, ...]] = []
        self._failures = dict(failures or {})
        self._files = dict(files or {})
        self._results = dict(results or {})

    def names(self) -> list[str]:
        """Return the names of the calls in order."""
        return [str(call[0]) for call in self.calls]

    def _record(self, name: str, *arguments: object) -> int:
        self.calls.append((name, *arguments))
        if name in self._failures:
            number = self._failures[name]
            path = next((argument for argument in arguments if isinstance(argument, str) and argument), None)
            error = OSError(number, os.strerror(number), path)
            error.syscall = name  # type: ignore[attr-defined]  # as the real one does
            raise error
        return self._results.get(name, 0)

    def _open(self, name: str, path: str, *arguments: object) -> int:
        self._record(name, *arguments)
        return os.open(self._files.get(path, "/"), os.O_PATH | os.O_CLOEXEC)

    def clone3(self, flags: int, *, cgroup_fd: int = -1) -> tuple[int, int]:
        """Record clone3(2) and return (pid, pidfd) of the parent, or (0, -1) when ``results`` has no pid."""
        pid = self._record("clone3", flags, cgroup_fd)
        return (pid, os.open("/", os.O_PATH | os.O_CLOEXEC)) if pid else (0, -1)

    can_share_memory = False

    def spawn(
        self, run: Callable[[int], object], flags: int, *, cgroup_fd: int = -1, successor: Sequence[str] = ()
    ) -> tuple[int, int]:
        """Record clone3(2) and return (pid, pidfd) of the parent; ``run`` is called when ``results`` has no pid."""
        pid, pidfd = self.clone3(flags, cgroup_fd=cgroup_fd)
        if pid == 0:
            run(0)
        return pid, pidfd

    def execve(self, path: str, argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
        """Record execve(2)."""
        self._record("execve", path, tuple(argv), dict(environment))
        raise Executed(path)

    def execveat(self, fd: int, argv: Sequence[str], environment: Sequence[str]) -> NoReturn:
        """Record execveat(2)."""
        self._record("execveat", fd, tuple(argv), tuple(environment))
        raise Executed(str(fd))

    def pidfd_send_signal(self, pidfd: int, signal: int) -> None:
        """Record pidfd_send_signal(2)."""
        self._record("pidfd_send_signal", pidfd, signal)

    def default_signals(self) -> None:
        """Record rt_sigaction(2) of all signals."""
        self._record("default_signals")

    def setsid(self) -> None:
        """Record setsid(2)."""
        self._record("setsid")

    def prctl(self, option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
        """Record prctl(2)."""
        return self._record("prctl", option, a, b, c, d)

    def set_name(self, name: str) -> None:
        """Record prctl(2) with PR_SET_NAME."""
        self._record("set_name", name)

    def personality(self, persona: int) -> None:
        """Record personality(2)."""
        self._record("personality", persona)

    def umask(self, mask: int) -> int:
        """Record umask(2)."""
        return self._record("umask", mask)

    def close_range(self, first: int, last: int, flags: int = 0) -> None:
        """Record close_range(2)."""
        self._record("close_range", first, last, flags)

    def unshare(self, flags: int) -> None:
        """Record unshare(2)."""
        self._record("unshare", flags)

    def setns(self, fd: int, nstype: int) -> None:
        """Record setns(2)."""
        self._record("setns", fd, nstype)

    def socket(self, domain: int, type: int) -> int:
        """Record socket(2) and return a descriptor."""
        return self._open("socket", "", domain, type)

    def bind_unix(self, fd: int, path: str) -> None:
        """Record bind(2)."""
        self._record("bind_unix", fd, path)

    def listen(self, fd: int, backlog: int) -> None:
        """Record listen(2)."""
        self._record("listen", fd, backlog)

    def sethostname(self, name: str) -> None:
        """Record sethostname(2)."""
        self._record("sethostname", name)

    def setdomainname(self, name: str) -> None:
        """Record setdomainname(2)."""
        self._record("setdomainname", name)

    def mount(self, source: str | None, target: str, fstype: str | None, flags: int, data: str | None) -> None:
        """Record mount(2)."""
        self._record("mount", source, target, fstype, flags, data)

    def umount2(self, target: str, flags: int) -> None:
        """Record umount2(2)."""
        self._record("umount2", target, flags)

    def pivot_root(self, new_root: str, put_old: str) -> None:
        """Record pivot_root(2)."""
        self._record("pivot_root", new_root, put_old)

    def chroot(self, path: str) -> None:
        """Record chroot(2)."""
        self._record("chroot", path)

    def chdir(self, path: str) -> None:
        """Record chdir(2)."""
        self._record("chdir", path)

    def fchdir(self, fd: int) -> None:
        """Record fchdir(2)."""
        self._record("fchdir", fd)

    def openat2(self, dirfd: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
        """Record openat2(2)."""
        return self._open("openat2", path, dirfd, path, flags, mode, resolve)

    def open_tree(self, dirfd: int, path: str, flags: int) -> int:
        """Record open_tree(2)."""
        return self._open("open_tree", path, dirfd, path, flags)

    def move_mount(self, from_dirfd: int, from_path: str, to_dirfd: int, to_path: str, flags: int) -> None:
        """Record move_mount(2)."""
        self._record("move_mount", from_dirfd, from_path, to_dirfd, to_path, flags)

    def fsopen(self, fsname: str) -> int:
        """Record fsopen(2)."""
        return self._open("fsopen", fsname, fsname)

    def fsconfig(self, fd: int, command: int, key: str | None = None, value: str | None = None, aux: int = 0) -> None:
        """Record fsconfig(2)."""
        self._record("fsconfig", fd, command, key, value, aux)

    def fsmount(self, fd: int, attributes: int = 0) -> int:
        """Record fsmount(2)."""
        return self._open("fsmount", "", fd, attributes)

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
        """Record mount_setattr(2)."""
        self._record("mount_setattr", dirfd, path, flags, attr_set, attr_clr, propagation, userns_fd)

    def mkdir(self, path: str, mode: int, dir_fd: int | None = None) -> None:
        """Record mkdirat(2)."""
        self._record("mkdir", path, mode, dir_fd)

    def mknod(self, path: str, mode: int, device: int, dir_fd: int | None = None) -> None:
        """Record mknodat(2)."""
        self._record("mknod", path, mode, device, dir_fd)

    def symlink(self, target: str, path: str, dir_fd: int | None = None) -> None:
        """Record symlinkat(2)."""
        self._record("symlink", target, path, dir_fd)

    def unlink(self, path: str, dir_fd: int | None = None) -> None:
        """Record unlinkat(2)."""
        self._record("unlink", path, dir_fd)

    def fchmod(self, fd: int, mode: int) -> None:
        """Record fchmod(2)."""
        self._record("fchmod", fd, mode)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """Record fchown(2)."""
        self._record("fchown", fd, uid, gid)

    def chown(self, path: str, uid: int, gid: int, dir_fd: int | None = None) -> None:
        """Record fchownat(2)."""
        self._record("chown", path, uid, gid, dir_fd)

    def fstatfs_type(self, fd: int) -> int:
        """Record fstatfs(2)."""
        return self._record("fstatfs_type", fd)

    def setresuid(self, uid: int) -> None:
        """Record setresuid(2)."""
        self._record("setresuid", uid)

    def setresgid(self, gid: int) -> None:
        """Record setresgid(2)."""
        self._record("setresgid", gid)

    def setgroups(self, groups: Sequence[int]) -> None:
        """Record setgroups(2)."""
        self._record("setgroups", tuple(groups))

    def capget(self) -> tuple[int, int, int]:
        """Record capget(2); every set is the one number that ``results`` has."""
        mask = self._record("capget")
        return mask, mask, mask

    def capset(self, effective: int, permitted: int, inheritable: int) -> None:
        """Record capset(2)."""
        self._record("capset", effective, permitted, inheritable)

    def setrlimit(self, resource: int, soft: int, hard: int, pid: int = 0) -> None:
        """Record prlimit(2); the pid only when it is another process's."""
        self._record("setrlimit", resource, soft, hard, *((pid,) if pid else ()))

    def hard_limit(self, resource: int, pid: int = 0) -> int:
        """Return 4096 and record nothing: it is asked only to tell why a limit was refused."""
        return 4096

    def keyctl_join_session_keyring(self, name: str) -> int:
        """Record keyctl_join_session_keyring(3)."""
        return self._record("keyctl_join_session_keyring", name)

    def keyctl_setperm(self, key: int, permissions: int) -> None:
        """Record keyctl_setperm(3)."""
        self._record("keyctl_setperm", key, permissions)

    def seccomp_set_mode_filter(self, flags: int, program: bytes) -> int:
        """Record seccomp(2)."""
        return self._record("seccomp_set_mode_filter", flags, program)

    def ioprio_set(self, which: int, who: int, priority: int) -> None:
        """Record ioprio_set(2)."""
        self._record("ioprio_set", which, who, priority)

    def sched_setattr(
        self, policy: int, flags: int, nice: int, priority: int, runtime: int, deadline: int, period: int
    ) -> None:
        """Record sched_setattr(2)."""
        self._record("sched_setattr", policy, flags, nice, priority, runtime, deadline, period)

    def sched_setaffinity(self, processors: Sequence[int], pid: int = 0) -> None:
        """Record sched_setaffinity(2); the pid only when it is another process's."""
        self._record("sched_setaffinity", tuple(processors), *((pid,) if pid else ()))

    def set_mempolicy(self, mode: int, nodes: Sequence[int]) -> None:
        """Record set_mempolicy(2)."""
        self._record("set_mempolicy", mode, tuple(nodes))
