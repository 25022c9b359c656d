"""Let system calls that are newer than a profile fail with ENOSYS; pure, makes BPF instructions, needs no libseccomp.

A profile that allows what it lists answers EPERM, say, to everything else: also to calls that did not exist when it
was written. C libraries fall back to an older call only on ENOSYS, so programs would break with each new libc. So a
few instructions go before libseccomp's: a number above the newest one that the profile knows (whatever the rule says)
is answered ENOSYS; all others, and foreign architectures, are libseccomp's business.
"""

from __future__ import annotations

import errno
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

# Offsets in struct seccomp_data: seccomp(2).
_NR: Final = 0
_ARCH: Final = 4

# linux/bpf_common.h: class, size or condition, source.
_LOAD_WORD: Final = 0x20
_JUMP: Final = 0x05
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_GREATER: Final = 0x25
_JUMP_IF_GREATER_OR_EQUAL: Final = 0x35
_RETURN: Final = 0x06

# sizeof(struct sock_filter).
_SIZE: Final = 8

_RET_ENOSYS: Final = 0x00050000 | errno.ENOSYS

# libseccomp's tokens are the kernel's AUDIT_ARCH_* numbers, but for x32: that is x86_64 with a bit set in the number.
_X86_64: Final = 0xC000003E
_X32: Final = 0x4000003E
_ARM: Final = 0x40000028
_X32_BIT: Final = 0x40000000

# Where the numbers of an architecture end and others begin, which must not be taken for new calls: x32's for x86_64,
# the private calls of ARM (asm/unistd.h, __ARM_NR_BASE), and everywhere -1, by which tracers skip a call.
_NEGATIVE: Final = 0x80000000
_ENDS: Final = {_X86_64: _X32_BIT, _ARM: 0x0F0000}


def end_of_numbers(architecture: int) -> int:
    """Return the number below which an architecture's ordinary system calls lie.

    Args:
        architecture: libseccomp's token.
    """
    return _ENDS.get(architecture, _NEGATIVE)


def prelude(newest: Mapping[int, int]) -> bytes:
    """Return the instructions to put before a program.

    Args:
        newest: for each architecture (libseccomp's token) the largest number the profile knows.
    """
    ranges: dict[int, list[tuple[int, int]]] = {}
    for architecture, number in newest.items():
        audit = _X86_64 if architecture == _X32 else architecture
        ranges.setdefault(audit, []).append((number, end_of_numbers(architecture)))
    if not ranges:
        return b""
    program = b""
    for audit, limits in reversed(ranges.items()):
        program = _block(audit, limits, len(program) // _SIZE) + program
    return _instruction(_LOAD_WORD, _ARCH) + program


def _block(architecture: int, limits: list[tuple[int, int]], following: int) -> bytes:
    """Judge the calls of one architecture; the next block follows for others, whose number is in the accumulator still.

    Args:
        architecture: AUDIT_ARCH number.
        limits: pairs of the newest number that is known and the end of the numbers that may be new.
        following: how many instructions are between this block and the program proper.
    """
    code = [_instruction(_LOAD_WORD, _NR)]
    for newest, end in limits:
        code += [
            _instruction(_JUMP_IF_GREATER, newest, 0, 2),
            _instruction(_JUMP_IF_GREATER_OR_EQUAL, end, 1, 0),
            _instruction(_RETURN, _RET_ENOSYS),
        ]
    # Conditional jumps reach 255 instructions, this one all.
    code.append(_instruction(_JUMP, following))
    return b"".join([_instruction(_JUMP_IF_EQUAL, architecture, 0, len(code)), *code])


def _instruction(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return a struct sock_filter; jumps count from the next instruction."""
    return struct.pack("=HBBI", code, if_true, if_false, k)
