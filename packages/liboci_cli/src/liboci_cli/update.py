"""The options of update; sizes stay text here, values.parse_size reads them."""

from __future__ import annotations

from liboci_cli.options import UINT16_MAX, UINT64_MAX, Command, arg, opt


class Update(Command, name="update"):
    """Change the limits of a container.

    What is not given stays as it is. With --resources all other options are ignored. SIZE is a number of bytes, or
    one with a unit: k, m, g, t, p; -1 lifts the limit.

    Examples:
        update --memory 512m --pids-limit 200 web
        update --cpu-quota 50000 --cpu-period 100000 web
        update --resources - web < resources.json
    """

    resources: str | None = opt(
        "--resources", "-r", metavar="FILE", default=None, help="JSON file with linux.resources; - is standard input"
    )
    blkio_weight: int | None = opt(
        "--blkio-weight",
        metavar="WEIGHT",
        default=None,
        minimum=0,
        maximum=UINT16_MAX,
        help="weight of block IO, 10 to 1000",
    )
    cpu_period: int | None = opt(
        "--cpu-period",
        metavar="USEC",
        default=None,
        minimum=0,
        maximum=UINT64_MAX,
        help="period of the CPU limit in microseconds",
    )
    cpu_quota: int | None = opt(
        "--cpu-quota",
        metavar="USEC",
        default=None,
        help="CPU time allowed in a period, in microseconds; -1 for no limit",
    )
    cpu_burst: int | None = opt(
        "--cpu-burst",
        metavar="USEC",
        default=None,
        minimum=0,
        maximum=UINT64_MAX,
        help="CPU time that may be saved up, in microseconds",
    )
    cpu_share: int | None = opt(
        "--cpu-share",
        metavar="WEIGHT",
        default=None,
        minimum=0,
        maximum=UINT64_MAX,
        help="CPU weight relative to other containers",
    )
    cpu_rt_period: int | None = opt(
        "--cpu-rt-period",
        metavar="USEC",
        default=None,
        minimum=0,
        maximum=UINT64_MAX,
        help="period of the realtime limit in microseconds",
    )
    cpu_rt_runtime: int | None = opt(
        "--cpu-rt-runtime",
        metavar="USEC",
        default=None,
        help="realtime CPU time in a period, in microseconds",
    )
    cpu_idle: int | None = opt(
        "--cpu-idle",
        metavar="0|1",
        default=None,
        help="1 for the scheduling policy SCHED_IDLE, 0 for the normal one",
    )
    cpuset_cpus: str | None = opt("--cpuset-cpus", metavar="CPUS", default=None, help="CPUs to use, such as 0-2,5")
    cpuset_mems: str | None = opt("--cpuset-mems", metavar="NODES", default=None, help="memory nodes to use")
    memory: str | None = opt("--memory", metavar="SIZE", default=None, help="memory limit")
    memory_reservation: str | None = opt(
        "--memory-reservation", metavar="SIZE", default=None, help="memory kept when the host runs short"
    )
    memory_swap: str | None = opt(
        "--memory-swap", metavar="SIZE", default=None, help="limit of memory and swap together"
    )
    kernel_memory: str | None = opt(
        "--kernel-memory", metavar="SIZE", default=None, hidden=True, help="obsolete: limit of kernel memory, cgroup v1"
    )
    kernel_memory_tcp: str | None = opt(
        "--kernel-memory-tcp",
        metavar="SIZE",
        default=None,
        hidden=True,
        help="obsolete: limit of TCP buffers, cgroup v1",
    )
    pids_limit: int | None = opt(
        "--pids-limit", metavar="N", default=None, minimum=-1, help="most tasks allowed; -1 for no limit"
    )
    l3_cache_schema: str | None = opt(
        "--l3-cache-schema", metavar="SCHEMA", default=None, help="Intel RDT schema of the L3 cache"
    )
    mem_bw_schema: str | None = opt(
        "--mem-bw-schema", metavar="SCHEMA", default=None, help="Intel RDT schema of the memory bandwidth"
    )
    container_id: str = arg("ID", help="name of the container")
