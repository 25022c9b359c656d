"""The real system calls; the only module of libcontainer that calls the kernel to change something."""

from __future__ import annotations

import os

from libcontainer._kernel import ffi, lib
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

_SIGCHLD = 17
_CLONE_PARENT = flags.CLONE_PARENT
_AT_EMPTY_PATH = 0x1000


def _encode(text: str | None) -> object:
    return ffi.NULL if text is None else os.fsencode(text)


def _words(texts: Sequence[str]) -> tuple[object, list[object]]:
    """Return what C knows as argv or envp, and the texts it points to, which must be kept as long."""
    texts_in_c = [ffi.new("char[]", os.fsencode(text)) for text in texts]
    return ffi.new("char *[]", [*texts_in_c, ffi.NULL]), texts_in_c


def _check(result: int, name: str, *objects: str | None) -> int:
    """Return the result, or raise the OSError of a call that answered -1."""
    if result == -1:
        number = ffi.errno
        error = OSError(number, os.strerror(number), next((name for name in objects if name), None))
        error.syscall = name  # type: ignore[attr-defined]  # OSError has a __dict__; the seam documents this attribute
        raise error
    return result


class LinuxSyscall:
    """The ``Syscall`` protocol, by the kernel that runs this process."""

    def clone3(self, flags: int, *, cgroup_fd: int = -1) -> tuple[int, int]:
        """clone3(2)."""
        pidfd = ffi.new("int *", -1)
        # With CLONE_PARENT the signal is that of the caller, and must not be given.
        exit_signal = 0 if flags & _CLONE_PARENT else _SIGCHLD
        pid = _check(lib.lc_clone3(flags, exit_signal, cgroup_fd, pidfd), "clone3")
        return (pid, pidfd[0]) if pid else (0, -1)

    @property
    def can_share_memory(self) -> bool:
        """Tell whether processor and interpreter are known to spawn.c."""
        return bool(lib.CAN_SHARE_MEMORY)

    def spawn(
        self, run: Callable[[int], object], flags: int, *, cgroup_fd: int = -1, successor: Sequence[str] = ()
    ) -> tuple[int, int]:
        """clone3(2), with CLONE_VM and CLONE_VFORK if there is a successor."""
        if successor and self.can_share_memory:
            pidfd = ffi.new("int *", -1)
            words, _kept = _words(successor)
            return _check(lib.lc_spawn(flags, cgroup_fd, pidfd, id(run), words), "clone3"), pidfd[0]
        pid, child = self.clone3(flags, cgroup_fd=cgroup_fd)
        if pid == 0:
            try:
                run(0)
            finally:
                os._exit(1)
        return pid, child

    def execve(self, path: str, argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
        """execve(2)."""
        words, _kept = _words(argv)
        variables, _kept_too = _words([f"{name}={value}" for name, value in environment.items()])
        _check(lib.lc_execve(os.fsencode(path), words, variables), "execve", path)
        raise AssertionError("execve returned")

    def execveat(self, fd: int, argv: Sequence[str], environment: Sequence[str]) -> NoReturn:
        """execveat(2)."""
        words, _kept = _words(argv)
        variables, _kept_too = _words(environment)
        _check(lib.lc_execveat(fd, b"", words, variables, _AT_EMPTY_PATH), "execveat")
        raise AssertionError("execveat returned")

    def pidfd_send_signal(self, pidfd: int, signal: int) -> None:
        """pidfd_send_signal(2)."""
        _check(lib.lc_pidfd_send_signal(pidfd, signal), "pidfd_send_signal")

    def default_signals(self) -> None:
        """rt_sigaction(2), rt_sigprocmask(2)."""
        _check(lib.lc_default_signals(), "rt_sigaction")

    def setsid(self) -> None:
        """setsid(2)."""
        os.setsid()

    def prctl(self, option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
        """prctl(2)."""
        return _check(lib.lc_prctl(option, a, b, c, d), "prctl")

    def set_name(self, name: str) -> None:
        """prctl(2) with PR_SET_NAME; the kernel keeps the first 15 bytes."""
        text = ffi.new("char[]", name.encode())
        _check(lib.lc_prctl(flags.PR_SET_NAME, int(ffi.cast("uintptr_t", text)), 0, 0, 0), "prctl")

    def personality(self, persona: int) -> None:
        """personality(2)."""
        _check(lib.lc_personality(persona), "personality")

    def umask(self, mask: int) -> int:
        """umask(2)."""
        return os.umask(mask)

    def close_range(self, first: int, last: int, flags: int = 0) -> None:
        """close_range(2)."""
        _check(lib.lc_close_range(first, last, flags), "close_range")

    def unshare(self, flags: int) -> None:
        """unshare(2)."""
        _check(lib.lc_unshare(flags), "unshare")

    def setns(self, fd: int, nstype: int) -> None:
        """setns(2)."""
        _check(lib.lc_setns(fd, nstype), "setns")

    def socket(self, domain: int, type: int) -> int:
        """socket(2)."""
        return _check(lib.lc_socket(domain, type | flags.SOCK_CLOEXEC), "socket")

    def bind_unix(self, fd: int, path: str) -> None:
        """bind(2)."""
        _check(lib.lc_bind_unix(fd, os.fsencode(path)), "bind", path)

    def listen(self, fd: int, backlog: int) -> None:
        """listen(2)."""
        _check(lib.lc_listen(fd, backlog), "listen")

    def sethostname(self, name: str) -> None:
        """sethostname(2)."""
        text = os.fsencode(name)
        _check(lib.lc_sethostname(text, len(text)), "sethostname", name)

    def setdomainname(self, name: str) -> None:
        """setdomainname(2)."""
        text = os.fsencode(name)
        _check(lib.lc_setdomainname(text, len(text)), "setdomainname", name)

    def mount(self, source: str | None, target: str, fstype: str | None, flags: int, data: str | None) -> None:
        """mount(2)."""
        _check(
            lib.lc_mount(_encode(source), os.fsencode(target), _encode(fstype), flags, _encode(data)), "mount", target
        )

    def umount2(self, target: str, flags: int) -> None:
        """umount2(2)."""
        _check(lib.lc_umount2(os.fsencode(target), flags), "umount2", target)

    def pivot_root(self, new_root: str, put_old: str) -> None:
        """pivot_root(2)."""
        _check(lib.lc_pivot_root(os.fsencode(new_root), os.fsencode(put_old)), "pivot_root", new_root)

    def chroot(self, path: str) -> None:
        """chroot(2)."""
        os.chroot(path)

    def chdir(self, path: str) -> None:
        """chdir(2)."""
        os.chdir(path)

    def fchdir(self, fd: int) -> None:
        """fchdir(2)."""
        os.fchdir(fd)

    def openat2(self, dirfd: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
        """openat2(2)."""
        return _check(lib.lc_openat2(dirfd, os.fsencode(path), flags | os.O_CLOEXEC, mode, resolve), "openat2", path)

    def open_tree(self, dirfd: int, path: str, flags: int) -> int:
        """open_tree(2)."""
        return _check(lib.lc_open_tree(dirfd, os.fsencode(path), flags | 0x80000), "open_tree", path)

    def move_mount(self, from_dirfd: int, from_path: str, to_dirfd: int, to_path: str, flags: int) -> None:
        """move_mount(2)."""
        _check(
            lib.lc_move_mount(from_dirfd, os.fsencode(from_path), to_dirfd, os.fsencode(to_path), flags),
            "move_mount",
            to_path,
            from_path,
        )

    def fsopen(self, fsname: str) -> int:
        """fsopen(2)."""
        return _check(lib.lc_fsopen(os.fsencode(fsname), flags.FSOPEN_CLOEXEC), "fsopen", fsname)

    def fsconfig(self, fd: int, command: int, key: str | None = None, value: str | None = None, aux: int = 0) -> None:
        """fsconfig(2)."""
        _check(lib.lc_fsconfig(fd, command, _encode(key), _encode(value), aux), "fsconfig", key)

    def fsmount(self, fd: int, attributes: int = 0) -> int:
        """fsmount(2)."""
        return _check(lib.lc_fsmount(fd, flags.FSMOUNT_CLOEXEC, attributes), "fsmount")

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
        _check(
            lib.lc_mount_setattr(dirfd, os.fsencode(path), flags, attr_set, attr_clr, propagation, userns_fd),
            "mount_setattr",
            path,
        )

    def mkdir(self, path: str, mode: int, dir_fd: int | None = None) -> None:
        """mkdirat(2)."""
        os.mkdir(path, mode, dir_fd=dir_fd)

    def mknod(self, path: str, mode: int, device: int, dir_fd: int | None = None) -> None:
        """mknodat(2)."""
        os.mknod(path, mode, device, dir_fd=dir_fd)

    def symlink(self, target: str, path: str, dir_fd: int | None = None) -> None:
        """symlinkat(2)."""
        os.symlink(target, path, dir_fd=dir_fd)

    def unlink(self, path: str, dir_fd: int | None = None) -> None:
        """unlinkat(2)."""
        os.unlink(path, dir_fd=dir_fd)

    def fchmod(self, fd: int, mode: int) -> None:
        """fchmod(2)."""
        os.fchmod(fd, mode)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """fchown(2)."""
        os.fchown(fd, uid, gid)

    def chown(self, path: str, uid: int, gid: int, dir_fd: int | None = None) -> None:
        """fchownat(2)."""
        os.chown(path, uid, gid, dir_fd=dir_fd, follow_symlinks=False)

    def fstatfs_type(self, fd: int) -> int:
        """fstatfs(2)."""
        kind = ffi.new("int64_t *")
        _check(lib.lc_fstatfs_type(fd, kind), "fstatfs")
        return int(kind[0])

    def setresuid(self, uid: int) -> None:
        """setresuid(2)."""
        os.setresuid(uid, uid, uid)

    def setresgid(self, gid: int) -> None:
        """setresgid(2)."""
        os.setresgid(gid, gid, gid)

    def setgroups(self, groups: Sequence[int]) -> None:
        """setgroups(2)."""
        os.setgroups(groups)

    def capget(self) -> tuple[int, int, int]:
        """capget(2)."""
        sets = [ffi.new("uint64_t *") for _ in range(3)]
        _check(lib.lc_capget(*sets), "capget")
        return int(sets[0][0]), int(sets[1][0]), int(sets[2][0])

    def capset(self, effective: int, permitted: int, inheritable: int) -> None:
        """capset(2)."""
        _check(lib.lc_capset(effective, permitted, inheritable), "capset")

    def setrlimit(self, resource: int, soft: int, hard: int, pid: int = 0) -> None:
        """prlimit(2)."""
        _check(lib.lc_prlimit(pid, resource, soft, hard), "prlimit")

    def hard_limit(self, resource: int, pid: int = 0) -> int:
        """prlimit(2)."""
        hard = ffi.new("uint64_t *")
        _check(lib.lc_hard_limit(pid, resource, hard), "prlimit")
        return int(hard[0])

    def keyctl_join_session_keyring(self, name: str) -> int:
        """keyctl(2) KEYCTL_JOIN_SESSION_KEYRING."""
        return _check(lib.lc_keyctl_join_session(os.fsencode(name)), "keyctl", name)

    def keyctl_setperm(self, key: int, permissions: int) -> None:
        """keyctl(2) KEYCTL_SETPERM."""
        _check(lib.lc_keyctl_setperm(key, permissions), "keyctl")

    def seccomp_set_mode_filter(self, flags: int, program: bytes) -> int:
        """seccomp(2)."""
        return _check(lib.lc_seccomp(1, flags, program, len(program) // 8), "seccomp")

    def ioprio_set(self, which: int, who: int, priority: int) -> None:
        """ioprio_set(2)."""
        _check(lib.lc_ioprio_set(which, who, priority), "ioprio_set")

    def sched_setattr(
        self, policy: int, flags: int, nice: int, priority: int, runtime: int, deadline: int, period: int
    ) -> None:
        """sched_setattr(2)."""
        _check(lib.lc_sched_setattr(0, policy, flags, nice, priority, runtime, deadline, period), "sched_setattr")

    def sched_setaffinity(self, processors: Sequence[int], pid: int = 0) -> None:
        """sched_setaffinity(2)."""
        os.sched_setaffinity(pid, processors)

    def set_mempolicy(self, mode: int, nodes: Sequence[int]) -> None:
        """set_mempolicy(2)."""
        words = (max(nodes, default=0) // 64) + 1
        mask = ffi.new("unsigned long[]", words)
        for node in nodes:
            mask[node // 64] |= 1 << (node % 64)
        _check(lib.lc_set_mempolicy(mode, mask if nodes else ffi.NULL, words * 64 + 1 if nodes else 0), "set_mempolicy")
