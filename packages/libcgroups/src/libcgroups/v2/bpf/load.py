"""Device programs and the kernel: bpf(2), the only caller of it; what a program says is ``assemble``'s business."""

from __future__ import annotations

import os
import struct

from libcgroups import _kernel, errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Commands, types and flags of uapi/linux/bpf.h.
BPF_PROG_LOAD = 5
BPF_PROG_ATTACH = 8
BPF_PROG_DETACH = 9
BPF_PROG_GET_FD_BY_ID = 13
BPF_PROG_QUERY = 16
BPF_PROG_TYPE_CGROUP_DEVICE = 15
BPF_CGROUP_DEVICE = 6
BPF_F_ALLOW_MULTI = 2
BPF_F_REPLACE = 4

#: Longest name of a program is 15 bytes; bpftool shows it.
PROGRAM_NAME = b"libcgroups_dev"

#: The most programs the kernel attaches to one cgroup.
MAX_PROGRAMS = 64

_LICENSE = b"Apache-2.0"  # bytes end with a zero
_EINVAL = 22
# EACCES, EINVAL: how the verifier says no.
_REJECTED = (13, 22)
_LOG_BYTES = 1 << 20


class BpfError(errors.FileError):
    """The kernel refused a command of bpf(2)."""


def open_cgroup(directory: str) -> int:
    """Open a cgroup, as the other functions need it; the caller closes.

    Raises:
        FileError: it does not exist.
    """
    try:
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise errors.from_os_error("open", directory, error) from error


def load(code: bytes) -> int:
    """Load a program and return its descriptor; the caller closes.

    Args:
        code: instructions, as ``assemble.encode`` writes them.

    Raises:
        BpfError: the kernel refused; ``__notes__`` hold what the verifier says.
    """
    try:
        return _load(code, None)
    except BpfError as error:
        if error.errno in _REJECTED:
            # Only now with a log: a log that is too small is an error by itself.
            log = bytearray(_LOG_BYTES)
            try:
                return _load(code, log)
            except BpfError:
                error.add_note(log.partition(b"\0")[0].decode(errors="replace"))
        raise


def _load(code: bytes, log: bytearray | None) -> int:
    attributes = _pack(
        "=IIQQIIQII16s",
        BPF_PROG_TYPE_CGROUP_DEVICE,
        len(code) // 8,
        _kernel.address(code),
        _kernel.address(_LICENSE),
        0 if log is None else 1,
        0 if log is None else _LOG_BYTES,
        0 if log is None else _kernel.address(log),
        0,  # kernel version, unused
        0,  # flags
        PROGRAM_NAME,
    )
    return _bpf("load device program", BPF_PROG_LOAD, attributes)


def query(cgroup_fd: int) -> list[int]:
    """List the ids of the device programs attached to a cgroup, in the order in which they run.

    Raises:
        BpfError: the kernel refused.
    """
    ids = bytearray(4 * MAX_PROGRAMS)
    attributes = _pack("=IIIIQI", cgroup_fd, BPF_CGROUP_DEVICE, 0, 0, _kernel.address(ids), MAX_PROGRAMS)
    _bpf("query device programs", BPF_PROG_QUERY, attributes)
    (count,) = struct.unpack_from("=I", attributes, 24)
    return memoryview(ids).cast("I").tolist()[:count]


def attach(cgroup_fd: int, program_fd: int, replaced_fd: int | None = None) -> None:
    """Attach a program to a cgroup beside those attached before, or in the place of one of them.

    Always with ALLOW_MULTI: a program attached exclusively forbids all others, systemd's for instance.

    Args:
        cgroup_fd: the cgroup.
        program_fd: the program.
        replaced_fd: an attached program whose place it takes, atomically; since Linux 5.6.

    Raises:
        BpfError: the kernel refused.
    """
    flags = BPF_F_ALLOW_MULTI | (BPF_F_REPLACE if replaced_fd is not None else 0)
    attributes = _pack("=IIIII", cgroup_fd, program_fd, BPF_CGROUP_DEVICE, flags, replaced_fd or 0)
    _bpf("attach device program", BPF_PROG_ATTACH, attributes)


def detach(cgroup_fd: int, program_fd: int) -> None:
    """Detach a program from a cgroup.

    Raises:
        BpfError: the kernel refused; ENOENT if it is not attached.
    """
    _bpf("detach device program", BPF_PROG_DETACH, _pack("=III", cgroup_fd, program_fd, BPF_CGROUP_DEVICE))


def open_by_id(program_id: int) -> int:
    """Open a loaded program by its id; the caller closes.

    Raises:
        BpfError: the kernel refused; ENOENT if it is gone.
    """
    return _bpf("open device program", BPF_PROG_GET_FD_BY_ID, _pack("=III", program_id, 0, 0))


def replace(cgroup_fd: int, program_fd: int, old_ids: Sequence[int]) -> None:
    """Attach a program in the place of others, with no moment in which none is attached.

    One program is replaced atomically. Of several, or where the kernel cannot replace, the new one is attached first:
    until the old ones are detached, all of them must allow an access.

    Raises:
        BpfError: the kernel refused.
    """
    old_fds = [open_by_id(program_id) for program_id in old_ids]
    try:
        if len(old_fds) == 1:
            try:
                attach(cgroup_fd, program_fd, old_fds[0])
            except BpfError as error:
                if error.errno != _EINVAL:
                    raise
            else:
                return
        attach(cgroup_fd, program_fd)
        for old_fd in old_fds:
            detach(cgroup_fd, old_fd)
    finally:
        for old_fd in old_fds:
            os.close(old_fd)


def _pack(layout: str, *values: int | bytes) -> bytearray:
    """Return attributes of bpf(2), which the kernel may write to."""
    return bytearray(struct.pack(layout, *values))


def _bpf(action: str, command: int, attributes: bytearray) -> int:
    result = _kernel.bpf(command, attributes)
    if result < 0:
        number = -result
        hint = "loading device programs needs CAP_BPF or CAP_SYS_ADMIN on the host" if number == 1 else ""
        raise BpfError(f"{action}: {errors.describe_errno(number)}", errno=number, hint=hint, controller="devices")
    return result
