"""System calls as kernel.c defines them; see there for what they take and answer."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

_Word: TypeAlias = int | str | bytes | bytearray | None

class _Call(Protocol):
    def __call__(self, *arguments: _Word) -> int: ...

CAN_SHARE_MEMORY: int

bind: _Call
capget: _Call
capset: _Call
close_range: _Call
fsconfig: _Call
fsmount: _Call
fsopen: _Call
ioprio_set: _Call
keyctl: _Call
listen: _Call
mount: _Call
mount_setattr: _Call
move_mount: _Call
open_tree: _Call
openat2: _Call
personality: _Call
pidfd_send_signal: _Call
pivot_root: _Call
prctl: _Call
prlimit64: _Call
sched_setattr: _Call
set_mempolicy: _Call
setdomainname: _Call
sethostname: _Call
setns: _Call
socket: _Call
umount2: _Call
unshare: _Call

def clone3(flags: int, exit_signal: int, cgroup_fd: int, /) -> tuple[int, int]: ...
def default_signals() -> int: ...
def execve(path: str, argv: Sequence[str], envp: Sequence[str], /) -> int: ...
def execveat(fd: int, argv: Sequence[str], envp: Sequence[str], flags: int, /) -> int: ...
def fstatfs_type(fd: int, /) -> int: ...
def give_back_libraries(names: Sequence[str], /) -> None: ...
def seccomp_set_mode_filter(flags: int, program: bytes, /) -> int: ...
def spawn(flags: int, cgroup_fd: int, run: Callable[[int], object], successor: Sequence[str], /) -> tuple[int, int]: ...
