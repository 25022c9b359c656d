"""What happens to a container while it runs: statistics at intervals, and memory that runs out; in runc's schema.

The names and the rules of what is left out are those that engines and monitoring tools read: a 0 is left out but where
runc writes it.
"""

from __future__ import annotations

import os
import select
import time

from libcontainer import cgroups, log, pidfd
from libcontainer.container import status, store
from libcontainer.container.state import CREATED, PAUSED, RUNNING
from libcontainer.errors import CgroupsError, ContainerStatusError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from libcgroups.manager import CgroupManager, OomEvents
    from libcgroups.stats import BlkioDeviceStat, CpuSetStats, CpuStats, MemoryData, MemoryStats, PSIStats, Stats
    from libcontainer.container.state import ContainerState
    from libcontainer.container.store import ContainerDirectory
    from libcontainer.oci.spec import LinuxIntelRdt

    Event = dict[str, object]
    Json = dict[str, object]

_BLKIO = (
    ("ioServiceBytesRecursive", "service_bytes"),
    ("ioServicedRecursive", "serviced"),
    ("ioQueueRecursive", "queued"),
    ("ioServiceTimeRecursive", "service_time"),
    ("ioWaitTimeRecursive", "wait_time"),
    ("ioMergedRecursive", "merged"),
    ("ioTimeRecursive", "time"),
    ("sectorsRecursive", "sectors"),
)
_CPUSET_FLAGS = (
    "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page", "memory_spread_slab", "memory_pressure",
    "sched_load_balance", "sched_relax_domain_level",
)  # fmt: skip


def statistics(directory: ContainerDirectory) -> Event:
    """Return one statistics event of the present moment.

    Raises:
        ContainerStatusError: the container is not running.
        CgroupsError: a file of its cgroup cannot be read.
    """
    state = _running(directory)
    with cgroups.translated("events"):
        manager = cgroups.of_container(state)
    return _statistics(state.id, manager, _intel_rdt(directory))


def watch(directory: ContainerDirectory, interval_s: float) -> Iterator[Event]:
    """Yield a statistics event at every interval, and an event of type oom when memory ran out, until init ends.

    Raises:
        ContainerStatusError: the container is not running.
        CgroupsError: a file of its cgroup cannot be read.
    """
    state = _running(directory)
    rdt = _intel_rdt(directory)
    with cgroups.translated("events"):
        manager = cgroups.of_container(state)
    init = pidfd.open_process(state.pid, state.pid_start_time)
    if init is None:
        raise _not_running(state.id)
    try:
        source = _oom_source(manager)
        try:
            for is_oom in _moments(init, source, interval_s):
                yield {"type": "oom", "id": state.id} if is_oom else _statistics(state.id, manager, rdt)
        finally:
            if source is not None:
                source.close()
    finally:
        os.close(init)


def _moments(init: int, source: OomEvents | None, interval_s: float) -> Iterator[bool]:
    """Yield True for each time that memory ran out and False at each interval, until the process ends."""
    poll = select.poll()
    poll.register(init, select.POLLIN)
    if source is not None:
        poll.register(source.fileno(), select.POLLIN)
    due = time.monotonic() + interval_s
    while True:
        ready = {fd for fd, _ in poll.poll(max(0.0, due - time.monotonic()) * 1000)}
        if source is not None and source.fileno() in ready:
            with cgroups.translated("events"):
                count = source.read()
            yield from [True] * count
            if source.ended:
                poll.unregister(source.fileno())
                source = None
        # Afterwards, so that the event that killed init is told.
        if init in ready:
            return
        if time.monotonic() >= due:
            yield False
            due = time.monotonic() + interval_s


def _oom_source(manager: CgroupManager) -> OomEvents | None:
    try:
        with cgroups.translated("events"):
            return manager.oom_events()
    except CgroupsError as error:
        log.warning("events of type oom will be missing: %s", error)
        return None


def _running(directory: ContainerDirectory) -> ContainerState:
    state = directory.load()
    if status.current(state, directory) not in (CREATED, RUNNING, PAUSED):
        raise _not_running(state.id)
    return state


def _not_running(container_id: str) -> ContainerStatusError:
    return ContainerStatusError(f"container with id {container_id} is not running", object=container_id)


def _intel_rdt(directory: ContainerDirectory) -> LinuxIntelRdt | None:
    config = directory.read(store.CONFIG_FILE)
    if b'"intelRdt"' not in config:  # saves the decoding of all the rest
        return None
    from libcontainer.oci import load

    return load.parse(config).linux.intel_rdt


def _statistics(container_id: str, manager: CgroupManager, rdt: LinuxIntelRdt | None) -> Event:
    with cgroups.translated("events"):
        stats = manager.stats()
    intel_rdt: Json = {}
    if rdt is not None:
        from libcontainer import intel_rdt as resctrl

        intel_rdt = resctrl.statistics(container_id, rdt)
    return {"type": "stats", "id": container_id, "data": describe(stats) | {"intel_rdt": intel_rdt} | _NETWORK}


_NETWORK: Json = {"network_interfaces": None}  # runc counts only what it has made, which is nothing


def describe(stats: Stats) -> Json:
    """Return the statistics of a cgroup by runc's names."""
    return {
        "cpu": _cpu(stats.cpu),
        "cpuset": _cpuset(stats.cpuset),
        "memory": _memory(stats.memory),
        "pids": _nonzero({"current": stats.pids.current, "limit": stats.pids.limit}),
        "blkio": _nonzero({name: _devices(getattr(stats.blkio, field)) for name, field in _BLKIO})
        | _pressure(stats.blkio.psi),
        "hugetlb": {
            size: _nonzero({"usage": pages.usage, "max": pages.max_usage}) | {"failcnt": pages.fail_count}
            for size, pages in stats.hugetlb.items()
        },
    }


def _cpu(cpu: CpuStats) -> Json:
    usage, throttling = cpu.usage, cpu.throttling
    return {
        "usage": _nonzero(
            {
                "total": usage.usage_total,
                "percpu": list(usage.per_core_usage_total),
                "percpu_kernel": list(usage.per_core_usage_kernel),
                "percpu_user": list(usage.per_core_usage_user),
            }
        )
        | {"kernel": usage.usage_kernel, "user": usage.usage_user},
        "throttling": _nonzero(
            {
                "periods": throttling.periods,
                "throttledPeriods": throttling.throttled_periods,
                "throttledTime": throttling.throttled_time,
            }
        ),
    } | _pressure(cpu.psi)


def _cpuset(cpuset: CpuSetStats) -> Json:
    return {
        **_nonzero({"cpus": list(cpuset.cpus)}),
        "cpu_exclusive": cpuset.cpu_exclusive,
        **_nonzero({"mems": list(cpuset.mems)}),
        **{name: getattr(cpuset, name) for name in _CPUSET_FLAGS},
    }


def _memory(memory: MemoryStats) -> Json:
    return {
        **_nonzero({"cache": memory.cache}),
        "usage": _memory_data(memory.memory),
        "swap": _memory_data(memory.memswap),
        "kernel": _memory_data(memory.kernel),
        "kernelTCP": _memory_data(memory.kernel_tcp),
        **_nonzero({"raw": dict(memory.stats)}),
        **_pressure(memory.psi),
    }


def _memory_data(data: MemoryData) -> Json:
    return {
        "limit": data.limit,
        **_nonzero({"usage": data.usage, "max": data.max_usage}),
        "failcnt": data.fail_count,
    }


def _devices(entries: Sequence[BlkioDeviceStat]) -> list[Json]:
    return [
        _nonzero({"major": entry.major, "minor": entry.minor, "op": entry.op_type, "value": entry.value})
        for entry in entries
    ]


def _pressure(psi: PSIStats | None) -> Json:
    if psi is None:
        return {}
    kinds = (("some", psi.some), ("full", psi.full))
    return {"psi": {kind: {name: getattr(data, name) for name in data.__fields__} for kind, data in kinds}}


def _nonzero(values: Json) -> Json:
    return {name: value for name, value in values.items() if value}
