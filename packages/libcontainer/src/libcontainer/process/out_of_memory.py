"""Explain an init that was killed while it was being created: the out-of-memory killer leaves traces in the cgroup."""

from __future__ import annotations

from libcontainer import cgroups
from libcontainer.errors import ProcessDiedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.manager import CgroupManager
    from libcgroups.resources import LinuxResources

    from libcontainer.errors import LibcontainerError


def explain(manager: CgroupManager, resources: LinuxResources | None) -> LibcontainerError | None:
    """Return the error if memory was the reason; None if nothing says so."""
    limit = resources.memory.limit if resources is not None and resources.memory is not None else None
    if limit is None or limit <= 0:
        return None
    try:
        with cgroups.translated("read memory statistics"):
            statistics = manager.stats().memory
    except Exception:  # noqa: BLE001 - statistics are a help for the message, never the reason for another failure
        return None
    usage = statistics.memory
    if not statistics.oom_kills and not usage.fail_count:
        return None
    return ProcessDiedError(
        f"container init was OOM-killed (memory limit too low?): limit {limit} bytes, peak {usage.max_usage} bytes",
        step="create",
        property="linux.resources.memory.limit",
        hint="raise linux.resources.memory.limit",
    )
