"""Processors and memory nodes, cpuset(7); both must be set before a process may join."""

from __future__ import annotations

from libcgroups import files
from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import CpuSetStats

_FLAGS = (
    "cpu_exclusive",
    "mem_exclusive",
    "mem_hardwall",
    "memory_migrate",
    "memory_pressure",
    "memory_spread_page",
    "memory_spread_slab",
    "sched_load_balance",
    "sched_relax_domain_level",
)


class CpuSet(Controller):
    """The cpuset controller."""

    name = "cpuset"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes of the lists that were given."""
        writes = []
        if resources.cpu is not None and resources.cpu.cpus:
            writes.append(Write("cpuset.cpus", resources.cpu.cpus))
        if resources.cpu is not None and resources.cpu.mems:
            writes.append(Write("cpuset.mems", resources.cpu.mems))
        return writes

    @classmethod
    def stats(cls, directory: str) -> CpuSetStats:
        """Read lists and flags."""
        from libcgroups.stats import CpuSetStats, parse_number_list, parse_optional_value

        flags = {name: parse_optional_value(f"{directory}/cpuset.{name}") for name in _FLAGS}
        return CpuSetStats(
            cpus=parse_number_list(files.read_optional_cgroup_file(f"{directory}/cpuset.cpus") or ""),
            mems=parse_number_list(files.read_optional_cgroup_file(f"{directory}/cpuset.mems") or ""),
            **flags,
        )


def inherit(directory: str, top: str, asked: dict[str, str]) -> None:
    """Fill the empty lists of a cpuset, and of those above it, from its parent's.

    Args:
        directory: the cgroup.
        top: the mount point, whose lists are never empty.
        asked: lists by file name that the cgroup itself is to have instead of its parent's.

    Raises:
        FileError: a list cannot be read or written.
    """
    for file in ("cpuset.cpus", "cpuset.mems"):
        if file in asked:
            _inherited(directory.rpartition("/")[0], top, file)
            files.write_cgroup_file(f"{directory}/{file}", asked[file])
        else:
            _inherited(directory, top, file)


def _inherited(directory: str, top: str, file: str) -> str:
    """Return the list of a cgroup; if it is empty, give it the parent's first."""
    value = files.read_cgroup_file(f"{directory}/{file}").strip()
    if value or len(directory) <= len(top):
        return value
    value = _inherited(directory.rpartition("/")[0], top, file)
    files.write_cgroup_file(f"{directory}/{file}", value)
    return value
