"""From the ``linux.seccomp`` section to a BPF program in force; not for talking to a seccomp agent.

`program` is on the way of every create and exec. Compiling a profile like Docker's takes libseccomp many milliseconds,
so compiled programs are kept in a cache; a hit loads neither libseccomp nor the modules that check and compile. What
is in the cache has passed the checks.
"""

from __future__ import annotations

from libcgroups.record import Record
from libcontainer import errors
from libcontainer.seccomp import cache

try:
    import _struct as struct  # all of the public one, whose file would have to be found first
except ImportError:
    import struct  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.oci.spec import LinuxSeccomp
    from libcontainer.syscall import Syscall

# BPF_MAXINSNS of linux/bpf_common.h, and the size of a struct sock_filter.
_MAX_INSTRUCTIONS = 4096
_INSTRUCTION_SIZE = 8

# Flags, length of the skipped names, listener.
_HEADER = struct.Struct("=II?")


class Program(Record):
    """A filter as seccomp(2) takes it.

    Attributes:
        bpf: instructions of eight bytes in the machine's byte order.
        flags: SECCOMP_FILTER_FLAG_* for SECCOMP_SET_MODE_FILTER, NEW_LISTENER included.
        listener: whether loading it yields a descriptor for the agent at ``listenerPath``.
        skipped: names of system calls that the profile has and libseccomp does not know; worth a debug line.
    """

    bpf: bytes
    flags: int
    listener: bool
    skipped: tuple[str, ...] = ()


def program(section: LinuxSeccomp, cache_directory: str) -> Program:
    """Return the program of a section, from the cache or freshly compiled.

    A cache that cannot be trusted, read or written costs time, never the container. On a miss this imports modules and
    loads a shared library: call it before the first fork.

    Args:
        section: ``linux.seccomp``.
        cache_directory: a directory of this user alone, by convention ``.cache/seccomp`` below the state root; made
            when it is absent, its parent too.

    Raises:
        SpecError: the section is wrong, or asks for what this libseccomp does not have.
    """
    key = cache.key(section)
    payload = cache.read(cache_directory, key)
    known = None if payload is None else _unpack(payload)
    if known is not None:
        return known
    from libcontainer.seccomp import compiler

    compiled = compiler.compile_section(section)
    cache.write(cache_directory, key, _pack(compiled), compiler.library_path())
    return compiled


def is_notify(section: LinuxSeccomp) -> bool:
    """Say whether a rule asks an agent, which makes ``listenerPath`` matter."""
    return any(rule.action == "SCMP_ACT_NOTIFY" for rule in section.syscalls)


def initialize_seccomp(syscall: Syscall, program: Program) -> int | None:
    """Put a program in force for the calling thread; it cannot be taken back.

    The caller needs no_new_privs or CAP_SYS_ADMIN, and must not need a system call afterwards that the profile takes
    away: with no_new_privs it is the last step before execve(2), without it comes before capabilities are dropped.

    Returns:
        The descriptor for the seccomp agent, None without a listener.

    Raises:
        SyscallError: the kernel refused.
    """
    try:
        fd = syscall.seccomp_set_mode_filter(program.flags, program.bpf)
    except OSError as error:
        raise errors.syscall_error(
            error, "load the seccomp filter", step="seccomp", property="linux.seccomp"
        ) from error
    return fd if program.listener else None


def _pack(compiled: Program) -> bytes:
    names = "\0".join(compiled.skipped).encode()
    return _HEADER.pack(compiled.flags, len(names), compiled.listener) + names + compiled.bpf


def _unpack(payload: bytes) -> Program | None:
    """Read what `_pack` made; None if it is anything else."""
    if len(payload) < _HEADER.size:
        return None
    flags, length, listener = _HEADER.unpack_from(payload)
    names = payload[_HEADER.size : _HEADER.size + length]
    bpf = payload[_HEADER.size + length :]
    count, rest = divmod(len(bpf), _INSTRUCTION_SIZE)
    if rest or not 0 < count <= _MAX_INSTRUCTIONS:
        return None
    return Program(bpf, flags, listener, tuple(names.decode().split("\0")) if names else ())
