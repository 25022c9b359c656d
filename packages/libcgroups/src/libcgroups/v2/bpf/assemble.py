"""Decisions as a BPF_PROG_TYPE_CGROUP_DEVICE program; not its loading, that is ``load``.

The program is straight-line code: a prologue that takes the request apart, then for each decision a few comparisons
that skip to the next one. Register use::

    r0  the answer, 0 until an ``allow`` changes it
    r1  struct bpf_cgroup_dev_ctx {u32 access_type; u32 major; u32 minor}, where access_type is access << 16 | type
    r2  type, r3  accesses still undecided (never 0 after the prologue), r4  major, r5  minor
"""

from __future__ import annotations

import struct

from libcgroups.record import Record
from libcgroups.v2.bpf.rules import ALL_ACCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from libcgroups.v2.bpf.rules import Decision

# Operation codes, put together from uapi/linux/bpf.h: class | source | operation.
LDX_MEM_W = 0x61
ALU64_AND_K = 0x57
ALU64_MOV_K = 0xB7
ALU64_MOV_X = 0xBF
ALU64_RSH_K = 0x77
JMP_JA = 0x05
JMP_JNE_K = 0x55
JMP_JSET_K = 0x45
JMP_EXIT = 0x95

_NAMES = {
    LDX_MEM_W: "r{dst} = *(u32 *)(r{src} + {offset})",
    ALU64_AND_K: "r{dst} &= {immediate}",
    ALU64_MOV_K: "r{dst} = {immediate}",
    ALU64_MOV_X: "r{dst} = r{src}",
    ALU64_RSH_K: "r{dst} >>= {immediate}",
    JMP_JA: "goto +{offset}",
    JMP_JNE_K: "if r{dst} != {immediate} goto +{offset}",
    JMP_JSET_K: "if r{dst} & {immediate} goto +{offset}",
    JMP_EXIT: "exit",
}
_FORMAT = struct.Struct("<BBhi")


class Instruction(Record):
    """One ``struct bpf_insn``."""

    code: int
    dst: int = 0
    src: int = 0
    offset: int = 0
    immediate: int = 0

    def __str__(self) -> str:
        return _NAMES[self.code].format(dst=self.dst, src=self.src, offset=self.offset, immediate=self.immediate)


_EXIT = Instruction(JMP_EXIT)
_PROLOGUE = (
    Instruction(LDX_MEM_W, dst=2, src=1, offset=0),
    Instruction(ALU64_MOV_X, dst=3, src=2),
    Instruction(ALU64_AND_K, dst=2, immediate=0xFFFF),
    Instruction(ALU64_RSH_K, dst=3, immediate=16),
    Instruction(LDX_MEM_W, dst=4, src=1, offset=4),
    Instruction(LDX_MEM_W, dst=5, src=1, offset=8),
    # Who asks for no access at all (an existence test) is refused nothing.
    Instruction(JMP_JNE_K, dst=3, offset=2, immediate=0),
    Instruction(ALU64_MOV_K, dst=0, immediate=1),
    _EXIT,
    Instruction(ALU64_MOV_K, dst=0, immediate=0),
)


def assemble(decisions: Iterable[Decision]) -> tuple[Instruction, ...]:
    """Return the program that answers as ``rules.is_allowed`` does with these decisions."""
    program = list(_PROLOGUE)
    for decision in decisions:
        verdict = _allow(decision.access) if decision.allow else _deny(decision.access)
        comparisons = [
            (register, wanted)
            for register, wanted in ((2, decision.kind), (4, decision.major), (5, decision.minor))
            if wanted is not None
        ]
        for position, (register, wanted) in enumerate(comparisons, 1):
            to_next = len(comparisons) - position + len(verdict)
            program.append(Instruction(JMP_JNE_K, dst=register, offset=to_next, immediate=wanted))
        program.extend(verdict)
        if not comparisons and decision.access == ALL_ACCESS:
            return tuple(program)  # the verifier refuses instructions that cannot be reached
    program.append(_EXIT)
    return tuple(program)


def _allow(access: int) -> list[Instruction]:
    """Settle the accesses; when nothing is left to ask, answer yes."""
    answer = [Instruction(ALU64_MOV_K, dst=0, immediate=1), _EXIT]
    if access == ALL_ACCESS:
        return answer
    return [
        Instruction(ALU64_AND_K, dst=3, immediate=ALL_ACCESS & ~access),
        Instruction(JMP_JNE_K, dst=3, offset=len(answer), immediate=0),
        *answer,
    ]


def _deny(access: int) -> list[Instruction]:
    """Answer no when any of the accesses is asked for."""
    if access == ALL_ACCESS:
        return [_EXIT]
    return [
        Instruction(JMP_JSET_K, dst=3, offset=1, immediate=access),
        Instruction(JMP_JA, offset=1),
        _EXIT,
    ]


def encode(program: Iterable[Instruction]) -> bytes:
    """Return the program as the kernel reads it, eight bytes an instruction."""
    return b"".join(_FORMAT.pack(step.code, step.src << 4 | step.dst, step.offset, step.immediate) for step in program)


def decode(code: bytes) -> tuple[Instruction, ...]:
    """Return the instructions of ``encode``'s bytes."""
    return tuple(
        Instruction(operation, registers & 0xF, registers >> 4, offset, immediate)
        for operation, registers, offset, immediate in _FORMAT.iter_unpack(code)
    )


def dump(program: Iterable[Instruction]) -> list[str]:
    """Return the program as text, a line an instruction, in the notation of ``bpftool prog dump``."""
    return [f"{number:4}: {step}" for number, step in enumerate(program)]
