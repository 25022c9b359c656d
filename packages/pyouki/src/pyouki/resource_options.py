"""The options of ``update`` as resources of the OCI runtime-spec; what they do is libcontainer's."""

from __future__ import annotations

import os

from libcgroups.resources import LinuxBlockIO, LinuxCPU, LinuxMemory, LinuxPids, LinuxResources
from libcontainer.errors import ArgumentError
from libcontainer.oci import load
from liboci_cli.values import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.update import Update

_CPU = {
    "cpu_period": "period",
    "cpu_quota": "quota",
    "cpu_burst": "burst",
    "cpu_share": "shares",
    "cpu_rt_period": "realtime_period",
    "cpu_rt_runtime": "realtime_runtime",
    "cpu_idle": "idle",
    "cpuset_cpus": "cpus",
    "cpuset_mems": "mems",
}
_MEMORY = {
    "memory": "limit",
    "memory_reservation": "reservation",
    "memory_swap": "swap",
    "kernel_memory": "kernel",
    "kernel_memory_tcp": "kernel_tcp",
}


def read(source: str) -> LinuxResources:
    """Read resources from a file, or from standard input if the source is ``-``.

    Raises:
        SpecError: there are none, or they are wrong.
    """
    if source != "-":
        return load.load_resources(source)
    parts, size = [], 0
    while part := os.read(0, 1 << 16):
        size += len(part)
        if size > load.MAX_SIZE:
            raise ArgumentError(f"read standard input: larger than {load.MAX_SIZE} bytes")
        parts.append(part)
    return load.load_resources(b"".join(parts))


def of(options: Update) -> LinuxResources:
    """Return the resources that the other options name.

    Raises:
        ArgumentError: a size is none.
    """
    cpu = {field: value for name, field in _CPU.items() if (value := getattr(options, name)) is not None}
    memory = {
        field: _size(name, text) for name, field in _MEMORY.items() if (text := getattr(options, name)) is not None
    }
    return LinuxResources(
        cpu=LinuxCPU(**cpu) if cpu else None,
        memory=LinuxMemory().replace(**memory) if memory else None,
        pids=None if options.pids_limit is None else LinuxPids(options.pids_limit),
        block_io=None if options.blkio_weight is None else LinuxBlockIO(weight=options.blkio_weight),
    )


def _size(name: str, text: str) -> int:
    option = f"--{name.replace('_', '-')}"
    try:
        return parse_size(text)
    except ValueError as error:
        raise ArgumentError(f"invalid value for {option}: {error}", object=option) from None
