"""Rules of ``process.scheduler`` (sched_setattr(2)) and ``process.execCPUAffinity``."""

from __future__ import annotations

from libcontainer.errors import SpecError
from libcontainer.oci.validate.lists import is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from libcontainer.oci.spec import Process, Scheduler

_NICE_POLICIES = ("SCHED_OTHER", "SCHED_BATCH")
_PRIORITY_POLICIES = ("SCHED_FIFO", "SCHED_RR")


def faults(process: Process, at: str) -> Iterator[SpecError]:
    """Find every fault of a process's scheduling, whose path in the document is ``at``."""
    if process.scheduler is not None:
        yield from _scheduler(process.scheduler, f"{at}.scheduler")
    affinity = process.exec_cpu_affinity
    if affinity is not None:
        for name in ("initial", "final"):
            value: str | None = getattr(affinity, name)
            if value and not is_list(value):
                yield SpecError(
                    f"{at}.execCPUAffinity.{name}", f"expected a list of processors such as '0-3,7', got {value[:80]!r}"
                )


def _scheduler(scheduler: Scheduler, at: str) -> Iterator[SpecError]:
    policy = scheduler.policy
    if scheduler.nice and policy not in _NICE_POLICIES:
        yield SpecError(f"{at}.nice", f"only {' and '.join(_NICE_POLICIES)} have a nice value, not {policy}")
    if scheduler.nice is not None and not -20 <= scheduler.nice <= 19:
        yield SpecError(f"{at}.nice", f"expected -20 to 19, got {scheduler.nice}")
    if scheduler.priority and policy not in _PRIORITY_POLICIES:
        yield SpecError(f"{at}.priority", f"only {' and '.join(_PRIORITY_POLICIES)} have a priority, not {policy}")
    elif policy in _PRIORITY_POLICIES and not 1 <= (scheduler.priority or 0) <= 99:
        yield SpecError(f"{at}.priority", f"expected 1 to 99 for {policy}, got {scheduler.priority or 0}")
    for name in ("runtime", "deadline", "period"):
        if getattr(scheduler, name) and policy != "SCHED_DEADLINE":
            yield SpecError(f"{at}.{name}", f"only SCHED_DEADLINE has a {name}, not {policy}")
    if policy == "SCHED_DEADLINE":
        runtime, deadline = scheduler.runtime or 0, scheduler.deadline or 0
        period = scheduler.period or deadline
        if not 0 < runtime <= deadline <= period:
            yield SpecError(f"{at}.runtime", "SCHED_DEADLINE needs 0 < runtime <= deadline <= period")
