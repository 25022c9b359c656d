"""Say how one of the runtime's own processes ended: who, in which step, by what; not for the workload's end.

A process that is killed says nothing, but it leaves its exit status and, until it is reaped, its name: each of ours
names itself after its step (``Syscall.set_name``). The out-of-memory killer leaves its traces in the cgroup.
"""

from __future__ import annotations

import os

from libcontainer import pidfd, signals
from libcontainer.errors import ProcessDiedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.manager import CgroupManager
    from libcgroups.resources import LinuxResources

_SIGKILL = 9
_OUR_FAILURE = 1  # what a process of ours ends with that could not even say what is wrong
_NAME_MAX = 15  # bytes that the kernel keeps of a name


def explain(
    who: str,
    pid: int,
    before: str,
    manager: CgroupManager | None = None,
    resources: LinuxResources | None = None,
    step: str | None = None,
) -> ProcessDiedError:
    """Reap a process of ours that has ended, or is about to, and return the error that tells about it.

    Args:
        who: the process, as the message calls it.
        pid: the process, a child of this one.
        before: what it has not come to any more, such as "the container was created".
        manager: the cgroup it was in or about to join, None if that does not matter.
        resources: the limits of the cgroup.
        step: what it was doing, if that is known better than by its name.
    """
    step = step or _step_of(pid)
    code = pidfd.reap(pid)
    place = f" in step {step}" if step else ""
    if code in (-_SIGKILL, _OUR_FAILURE) and manager is not None:
        from libcontainer.process import out_of_memory

        found = out_of_memory.find(manager, resources)
        if found is not None:
            how = "was OOM-killed" if code == -_SIGKILL else "ran out of memory"
            return ProcessDiedError(
                f"{who} {how} (memory limit too low?){place}: {found}",
                step=step,
                property=out_of_memory.PROPERTY,
                hint=out_of_memory.HINT,
            )
    if code is None:
        how, hint = "ended", None
    elif code < 0:
        how = f"was killed by signal {-code} ({signals.name_of(-code)})"
        hint = "if nobody sent it, the kernel's log (dmesg) may know why" if code == -_SIGKILL else None
    else:
        how, hint = f"ended with status {code}", None
    return ProcessDiedError(f"{who} {how}{place}, before {before}", step=step, hint=hint)


def _step_of(pid: int) -> str | None:
    """Return the step that a process, dead or alive, has named itself after; None if it still has our own name."""
    name = _name_of(str(pid))
    return None if name in (None, _name_of("self")) else name


def _name_of(pid: str) -> str | None:
    try:
        fd = os.open(f"/proc/{pid}/comm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, _NAME_MAX).decode(errors="replace").rstrip("\n")
    except OSError:
        return None
    finally:
        os.close(fd)
