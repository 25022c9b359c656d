"""Which controllers version 2 has, what each of them offers, and which ones given resources need.

A controller turns resources into a plan, a list of writes; so an update can read what it is about to overwrite, and
nothing is written twice. Switching controllers on, down the tree, is the job of ``libcgroups.v2.delegation``.
"""

from __future__ import annotations

from libcgroups import errors, files
from libcgroups.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from libcgroups.manager import ControllerOpt
    from libcgroups.resources import LinuxCPU, LinuxResources

    ControllerName = Literal["cpu", "cpuset", "hugetlb", "io", "memory", "pids", "rdma"]
    PseudoControllerName = Literal["devices", "freezer", "unified"]


class ControllerType:
    """The names of the controllers, as cgroup.controllers spells them."""

    CPU: ControllerName = "cpu"
    CPU_SET: ControllerName = "cpuset"
    HUGETLB: ControllerName = "hugetlb"
    IO: ControllerName = "io"
    MEMORY: ControllerName = "memory"
    PIDS: ControllerName = "pids"
    RDMA: ControllerName = "rdma"


class PseudoControllerType:
    """What is applied like a controller, but is none for the kernel and always there."""

    DEVICES: PseudoControllerName = "devices"
    FREEZER: PseudoControllerName = "freezer"
    UNIFIED: PseudoControllerName = "unified"


#: Those we can apply limits with.
CONTROLLERS: tuple[ControllerName, ...] = ("cpu", "cpuset", "hugetlb", "io", "memory", "pids", "rdma")

#: These know threads, cgroups(7) "Thread mode"; all others exist in domains only.
THREADED_CONTROLLERS = ("cpu", "cpuset", "perf_event", "pids")

# The files with a line for each device, where a write changes one line, and what a line without limits looks like.
_KEYED_FILES = {
    "io.max": "rbps=max wbps=max riops=max wiops=max",
    "io.weight": "default",
    "io.bfq.weight": "default",
    "io.latency": "target=max",
    "rdma.max": "hca_handle=max hca_object=max",
}


class Write(Record):
    """One write to come: the file below the cgroup's directory, and the text."""

    file: str
    text: str


class Controller:
    """What the classes of this package have in common; ``name`` is also the controller that the kernel must have."""

    name: ControllerName | PseudoControllerName

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether a limit is asked for that nothing but this controller can give."""
        return False

    @classmethod
    def needs_to_handle(cls, controller_opt: ControllerOpt) -> bool:
        """Tell the same about what is to be applied."""
        return controller_opt.resources is not None and cls.is_needed(controller_opt.resources)

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes that bring a cgroup to the resources; reads where the order depends on what is there.

        Raises:
            ResourceError: a value is invalid or contradicts another.
        """
        return []

    @classmethod
    def apply(cls, controller_opt: ControllerOpt, directory: str) -> None:
        """Write what is asked of this controller to the cgroup; stops at the first failure."""
        if controller_opt.resources is not None:
            carry_out(cls.plan(controller_opt.resources, directory), directory)


def involved(resources: LinuxResources) -> list[type[Controller]]:
    """Import the controllers of which something is said, and only these; unified comes last.

    Engines send empty properties for what was not asked for.
    """
    found: list[type[Controller]] = []
    if resources.cpu is not None:
        found += _for_cpu(resources.cpu)
    memory = resources.memory
    if memory is not None and (memory.limit or memory.reservation or memory.swap):
        from libcgroups.v2.memory import Memory

        found.append(Memory)
    if resources.pids is not None:
        from libcgroups.v2.pids import Pids

        found.append(Pids)
    if resources.block_io is not None and any(
        getattr(resources.block_io, name) for name in resources.block_io.__fields__
    ):
        from libcgroups.v2.io import Io

        found.append(Io)
    if resources.hugepage_limits:
        from libcgroups.v2.hugetlb import HugeTlb

        found.append(HugeTlb)
    if resources.rdma:
        from libcgroups.v2.rdma import Rdma

        found.append(Rdma)
    if resources.unified:
        from libcgroups.v2.unified import Unified

        found.append(Unified)
    return found


def _for_cpu(cpu: LinuxCPU) -> list[type[Controller]]:
    found: list[type[Controller]] = []
    if cpu.cpus or cpu.mems:
        from libcgroups.v2.cpuset import CpuSet

        found.append(CpuSet)
    if any(getattr(cpu, name) is not None for name in cpu.__fields__ if name not in ("cpus", "mems")):
        from libcgroups.v2.cpu import Cpu

        found.append(Cpu)
    return found


def required(resources: LinuxResources) -> list[str]:
    """List the controllers that the kernel must have switched on for these resources."""
    names: list[str] = [
        controller.name
        for controller in involved(resources)
        if controller.name != "unified" and controller.is_needed(resources)
    ]
    if resources.unified:
        from libcgroups.v2 import unified

        names += [name for name in unified.controllers(resources.unified) if name not in names]
    return names


def plan(resources: LinuxResources, directory: str) -> list[Write]:
    """Return all writes for the resources, in order.

    ``unified`` has the last word: what it says about a file replaces what another property says, but for files with a
    line for each device, where both hold.
    """
    writes: list[Write] = []
    for controller in involved(resources):
        own = controller.plan(resources, directory)
        overwritten = {write.file for write in own} - _KEYED_FILES.keys() if controller.name == "unified" else ()
        writes = [write for write in writes if write.file not in overwritten] + own
    if any(write.file == "io.bfq.weight" for write in writes):
        from libcgroups.v2 import io

        writes = io.keep_device_weights(writes, directory)
    return writes


def carry_out(writes: Iterable[Write], directory: str) -> None:
    """Write, in order; stops at the first failure.

    A limit that is lifted where the file does not exist is lifted already: the controller is not there.

    Raises:
        FileError: the kernel refused.
    """
    for write in writes:
        try:
            files.write_cgroup_file(f"{directory}/{write.file}", write.text)
        except errors.FileError as error:
            if not (_is_no_limit(write) and error.errno == 2):  # ENOENT
                raise


def _is_no_limit(write: Write) -> bool:
    """Tell whether the write takes a limit away; no swap at all is also what a kernel without swap gives."""
    return write.text.split(" ")[0] == "max" or write in (Write("memory.swap.max", "0"), Write("cpu.idle", "0"))


def inverse(writes: Iterable[Write], directory: str) -> list[Write]:
    """Return the writes that bring back what the given ones are about to change, in reverse order.

    Files that do not exist, or can only be written, are left out. Default weights go first, as BFQ forgets those of
    devices with each.
    """
    old: list[Write] = []
    for write in writes:
        text = files.read_optional_cgroup_file(f"{directory}/{write.file}")
        if text is None:
            continue
        lines = text.splitlines()
        key, _, value = write.text.partition(" ")
        if write.file in _KEYED_FILES and value and key != "default":
            fallback = f"{key} {_KEYED_FILES[write.file]}"
            lines = [next((line for line in lines if line.split(" ", 1)[0] == key), fallback)]
        elif write.file in _KEYED_FILES:
            lines = [line for line in lines if line.split(" ", 1)[0] == "default"]
        old = [Write(write.file, line) for line in lines or [""]] + old
    return sorted(old, key=lambda write: write.file not in _KEYED_FILES or not write.text.startswith("default"))
