"""Run a device program without a kernel: for ``explain`` and as the oracle of tests; knows ``assemble``'s code only."""

from __future__ import annotations

from libcgroups.errors import CgroupError
from libcgroups.v2.bpf import assemble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcgroups.v2.bpf.assemble import Instruction

_MASK = 2**64 - 1


def execute(program: Sequence[Instruction], kind: int, major: int, minor: int, access: int) -> bool:
    """Return the program's answer to a request, with the kernel's arithmetic.

    Args:
        program: the instructions.
        kind: BPF_DEVCG_DEV_BLOCK or BPF_DEVCG_DEV_CHAR.
        major: major number of the device.
        minor: minor number of the device.
        access: BPF_DEVCG_ACC bits.

    Raises:
        CgroupError: unknown instruction, read of a register never written, a jump or run out of the program.
    """
    context = {0: access << 16 | kind, 4: major, 8: minor}
    registers: dict[int, int] = {}
    position = 0
    try:
        while True:
            step = program[position]
            position += 1
            if step.code == assemble.JMP_EXIT:
                return registers[0] != 0
            position += _step(step, registers, context)
    except (IndexError, KeyError) as error:
        raise CgroupError(f"device program instruction {position - 1}: not valid") from error


def _step(step: Instruction, registers: dict[int, int], context: dict[int, int]) -> int:
    """Carry out one instruction and return how many to skip."""
    immediate = step.immediate & _MASK  # sign-extended, as in the kernel
    if step.code == assemble.LDX_MEM_W:
        registers[step.dst] = context[step.offset]
    elif step.code == assemble.ALU64_MOV_K:
        registers[step.dst] = immediate
    elif step.code == assemble.ALU64_MOV_X:
        registers[step.dst] = registers[step.src]
    elif step.code == assemble.ALU64_AND_K:
        registers[step.dst] &= immediate
    elif step.code == assemble.ALU64_RSH_K:
        registers[step.dst] >>= step.immediate
    elif step.code == assemble.JMP_JA:
        return step.offset
    elif step.code == assemble.JMP_JNE_K:
        return step.offset if registers[step.dst] != immediate else 0
    elif step.code == assemble.JMP_JSET_K:
        return step.offset if registers[step.dst] & immediate else 0
    else:
        raise KeyError(step.code)
    return 0
