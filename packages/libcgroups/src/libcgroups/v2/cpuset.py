"""The cpuset controller of cgroup v2: which processors and memory nodes may be used."""

from __future__ import annotations

from libcgroups import files
from libcgroups.v2.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import CpuSetStats


class CpuSet(Controller):
    """cpuset.cpus and cpuset.mems; an empty list of processors or nodes means unset."""

    name = "cpuset"

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether processors or nodes are named."""
        return bool(cls.plan(resources, ""))

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes."""
        cpu = resources.cpu
        if cpu is None:
            return []
        return [Write(file, text) for file, text in (("cpuset.cpus", cpu.cpus), ("cpuset.mems", cpu.mems)) if text]

    @classmethod
    def stats(cls, directory: str) -> CpuSetStats:
        """Read what may be used in effect; the other fields are flags of v1."""
        from libcgroups import stats

        def numbers(file: str) -> tuple[int, ...]:
            return stats.parse_number_list(files.read_optional_cgroup_file(f"{directory}/{file}") or "")

        return stats.CpuSetStats(cpus=numbers("cpuset.cpus.effective"), mems=numbers("cpuset.mems.effective"))
