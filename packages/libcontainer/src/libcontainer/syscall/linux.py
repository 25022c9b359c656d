"""The real system calls; the only module of libcontainer that calls the kernel to change something."""

from __future__ import annotations

import errno
import os
import sys

from libcontainer import _kernel
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

_SIGCHLD = 17
_CLONE_PARENT = flags.CLONE_PARENT
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_KEYCTL_JOIN_SESSION_KEYRING = 1
_KEYCTL_SETPERM = 5
_SIZE_OF_SOCKADDR_UN = 110
_SIZE_OF_SCHED_ATTR = 48
# struct __user_cap_header_struct: _LINUX_CAPABILITY_VERSION_3 and the pid, 0 for the calling process.
_CAPABILITIES = (0x20080522).to_bytes(4, sys.byteorder) + bytes(4)
_LOW = 2**32 - 1
_ALL = 2**64 - 1
# What an interpreter is linked with for modules that are not imported; to load it maps 0.6 MiB.
_UNUSED_LIBRARIES = ("libm.so", "libz.so", "libexpat.so")


def give_back_libraries() -> None:
    """Unmap of shared libraries what the start of the interpreter has mapped and a container's creation does not read.

    Only what is not written to (madvise(2) with MADV_DONTNEED); it is mapped again when somebody reads it.
    """
    int("10")  # the first number that is read has Python take a logarithm
    _kernel.give_back_libraries(_UNUSED_LIBRARIES)


def _u32s(*fields: int) -> bytes:
    return b"".join([(field & _LOW).to_bytes(4, sys.byteorder) for field in fields])


def _u64s(*fields: int) -> bytes:
    return b"".join([field.to_bytes(8, sys.byteorder) for field in fields])


def _check(result: int, name: str, *objects: str | None) -> int:
    """Return the result, or raise the OSError of the number that is negative."""
    if result < 0:
        error = OSError(-result, os.strerror(-result), next((name for name in objects if name), None))
        error.syscall = name  # type: ignore[attr-defined]  # OSError has a __dict__; the seam documents this attribute
        raise error
    return result


class LinuxSyscall:
    """The ``Syscall`` protocol, by the kernel that runs this process."""

    def clone3(self, flags: int, *, cgroup_fd: int = -1) -> tuple[int, int]:
        """clone3(2)."""
        # With CLONE_PARENT the signal is that of the caller, and must not be given.
        exit_signal = 0 if flags & _CLONE_PARENT else _SIGCHLD
        pid, pidfd = _kernel.clone3(flags, exit_signal, cgroup_fd)
        return _check(pid, "clone3"), pidfd

    @property
    def can_share_memory(self) -> bool:
        """Tell whether processor and interpreter are known to spawn.c."""
        return bool(_kernel.CAN_SHARE_MEMORY)

    def spawn(
        self, run: Callable[[int], object], flags: int, *, cgroup_fd: int = -1, successor: Sequence[str] = ()
    ) -> tuple[int, int]:
        """clone3(2), with CLONE_VM and CLONE_VFORK if there is a successor."""
        if successor and self.can_share_memory:
            pid, pidfd = _kernel.spawn(flags, cgroup_fd, run, successor)
            return _check(pid, "clone3"), pidfd
        pid, pidfd = self.clone3(flags, cgroup_fd=cgroup_fd)
        if pid == 0:
            try:
                run(0)
            finally:
                os._exit(1)
        return pid, pidfd

    def execve(self, path: str, argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
        """execve(2)."""
        variables = [f"{name}={value}" for name, value in environment.items()]
        _check(_kernel.execve(path, argv, variables), "execve", path)
        raise AssertionError("execve returned")

    def execveat(self, fd: int, argv: Sequence[str], environment: Sequence[str]) -> NoReturn:
        """execveat(2)."""
        _check(_kernel.execveat(fd, argv, environment, flags.AT_EMPTY_PATH), "execveat")
        raise AssertionError("execveat returned")

    def pidfd_send_signal(self, pidfd: int, signal: int) -> None:
        """pidfd_send_signal(2)."""
        _check(_kernel.pidfd_send_signal(pidfd, signal), "pidfd_send_signal")

    def default_signals(self) -> None:
        """rt_sigaction(2), rt_sigprocmask(2)."""
        _check(_kernel.default_signals(), "rt_sigaction")

    def setsid(self) -> None:
        """setsid(2)."""
        os.setsid()

    def prctl(self, option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
        """prctl(2)."""
        return _check(_kernel.prctl(option, a, b, c, d), "prctl")

    def set_name(self, name: str) -> None:
        """prctl(2) with PR_SET_NAME; the kernel keeps the first 15 bytes."""
        _check(_kernel.prctl(flags.PR_SET_NAME, name), "prctl")

    def personality(self, persona: int) -> None:
        """personality(2)."""
        _check(_kernel.personality(persona), "personality")

    def umask(self, mask: int) -> int:
        """umask(2)."""
        return os.umask(mask)

    def close_range(self, first: int, last: int, flags: int = 0) -> None:
        """close_range(2)."""
        _check(_kernel.close_range(first, last, flags), "close_range")

    def unshare(self, flags: int) -> None:
        """unshare(2)."""
        _check(_kernel.unshare(flags), "unshare")

    def setns(self, fd: int, nstype: int) -> None:
        """setns(2)."""
        _check(_kernel.setns(fd, nstype), "setns")

    def socket(self, domain: int, type: int) -> int:
        """socket(2)."""
        return _check(_kernel.socket(domain, type | flags.SOCK_CLOEXEC), "socket")

    def bind_unix(self, fd: int, path: str) -> None:
        """bind(2)."""
        address = flags.AF_UNIX.to_bytes(2, sys.byteorder) + os.fsencode(path) + b"\0"
        fits = len(address) <= _SIZE_OF_SOCKADDR_UN
        _check(_kernel.bind(fd, address, len(address)) if fits else -errno.ENAMETOOLONG, "bind", path)

    def listen(self, fd: int, backlog: int) -> None:
        """listen(2)."""
        _check(_kernel.listen(fd, backlog), "listen")

    def sethostname(self, name: str) -> None:
        """sethostname(2)."""
        _check(_kernel.sethostname(name, len(os.fsencode(name))), "sethostname", name)

    def setdomainname(self, name: str) -> None:
        """setdomainname(2)."""
        _check(_kernel.setdomainname(name, len(os.fsencode(name))), "setdomainname", name)

    def mount(self, source: str | None, target: str, fstype: str | None, flags: int, data: str | None) -> None:
        """mount(2)."""
        _check(_kernel.mount(source, target, fstype, flags, data), "mount", target)

    def umount2(self, target: str, flags: int) -> None:
        """umount2(2)."""
        _check(_kernel.umount2(target, flags), "umount2", target)

    def pivot_root(self, new_root: str, put_old: str) -> None:
        """pivot_root(2)."""
        _check(_kernel.pivot_root(new_root, put_old), "pivot_root", new_root)

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
        how = _u64s(flags | os.O_CLOEXEC, mode, resolve)
        return _check(_kernel.openat2(dirfd, path, how, len(how)), "openat2", path)

    def open_tree(self, dirfd: int, path: str, flags: int) -> int:
        """open_tree(2)."""
        return _check(_kernel.open_tree(dirfd, path, flags | _OPEN_TREE_CLOEXEC), "open_tree", path)

    def move_mount(self, from_dirfd: int, from_path: str, to_dirfd: int, to_path: str, flags: int) -> None:
        """move_mount(2)."""
        result = _kernel.move_mount(from_dirfd, from_path, to_dirfd, to_path, flags)
        _check(result, "move_mount", to_path, from_path)

    def fsopen(self, fsname: str) -> int:
        """fsopen(2)."""
        return _check(_kernel.fsopen(fsname, flags.FSOPEN_CLOEXEC), "fsopen", fsname)

    def fsconfig(self, fd: int, command: int, key: str | None = None, value: str | None = None, aux: int = 0) -> None:
        """fsconfig(2)."""
        _check(_kernel.fsconfig(fd, command, key, value, aux), "fsconfig", key)

    def fsmount(self, fd: int, attributes: int = 0) -> int:
        """fsmount(2)."""
        return _check(_kernel.fsmount(fd, flags.FSMOUNT_CLOEXEC, attributes), "fsmount")

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
        attributes = _u64s(attr_set, attr_clr, propagation, userns_fd)
        _check(_kernel.mount_setattr(dirfd, path, flags, attributes, len(attributes)), "mount_setattr", path)

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
        return _check(_kernel.fstatfs_type(fd), "fstatfs")

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
        data = bytearray(24)
        _check(_kernel.capget(_CAPABILITIES, data), "capget")
        words = memoryview(data).cast("I")
        return words[0] | words[3] << 32, words[1] | words[4] << 32, words[2] | words[5] << 32

    def capset(self, effective: int, permitted: int, inheritable: int) -> None:
        """capset(2)."""
        high = _u32s(effective >> 32, permitted >> 32, inheritable >> 32)
        _check(_kernel.capset(_CAPABILITIES, _u32s(effective, permitted, inheritable) + high), "capset")

    def setrlimit(self, resource: int, soft: int, hard: int, pid: int = 0) -> None:
        """prlimit(2)."""
        _check(_kernel.prlimit64(pid, resource, _u64s(soft, hard)), "prlimit")

    def hard_limit(self, resource: int, pid: int = 0) -> int:
        """prlimit(2)."""
        limits = bytearray(16)
        _check(_kernel.prlimit64(pid, resource, None, limits), "prlimit")
        return int.from_bytes(limits[8:], sys.byteorder)

    def keyctl_join_session_keyring(self, name: str) -> int:
        """keyctl(2) KEYCTL_JOIN_SESSION_KEYRING."""
        return _check(_kernel.keyctl(_KEYCTL_JOIN_SESSION_KEYRING, name), "keyctl", name)

    def keyctl_setperm(self, key: int, permissions: int) -> None:
        """keyctl(2) KEYCTL_SETPERM."""
        _check(_kernel.keyctl(_KEYCTL_SETPERM, key, permissions), "keyctl")

    def seccomp_set_mode_filter(self, flags: int, program: bytes) -> int:
        """seccomp(2)."""
        return _check(_kernel.seccomp_set_mode_filter(flags, program), "seccomp")

    def ioprio_set(self, which: int, who: int, priority: int) -> None:
        """ioprio_set(2)."""
        _check(_kernel.ioprio_set(which, who, priority), "ioprio_set")

    def sched_setattr(
        self, policy: int, flags: int, nice: int, priority: int, runtime: int, deadline: int, period: int
    ) -> None:
        """sched_setattr(2)."""
        times = _u64s(runtime, deadline, period)
        attributes = _u32s(_SIZE_OF_SCHED_ATTR, policy) + _u64s(flags) + _u32s(nice, priority) + times
        _check(_kernel.sched_setattr(0, attributes), "sched_setattr")

    def sched_setaffinity(self, processors: Sequence[int], pid: int = 0) -> None:
        """sched_setaffinity(2)."""
        os.sched_setaffinity(pid, processors)

    def set_mempolicy(self, mode: int, nodes: Sequence[int]) -> None:
        """set_mempolicy(2)."""
        bits = sum(1 << node for node in set(nodes))
        mask = _u64s(*(bits >> shift & _ALL for shift in range(0, bits.bit_length(), 64)))
        # The kernel takes one off the number of bits.
        _check(_kernel.set_mempolicy(mode, *((mask, len(mask) * 8 + 1) if nodes else ())), "set_mempolicy")
