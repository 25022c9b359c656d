"""What is left to do when a child that shared main's memory was killed; main is a new interpreter by then.

``Syscall.spawn`` has executed the successor, with the child as a zombie to be reaped, and nothing in memory of what was
going on. The disk has it all: the state was saved before anything was made.
"""

from __future__ import annotations

import os

from libcontainer import cgroups
from libcontainer.container import delete, store
from libcontainer.oci import load
from libcontainer.process import create, death

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.errors import ProcessDiedError
    from libcontainer.oci.spec import Spec
    from libcontainer.syscall import Syscall

VARIABLE = "LIBCONTAINER_DEAD_CHILD"
"""Holds the pid of the child."""


def take_pid() -> int:
    """Return the pid of the child when it has ended, and forget it: programs that we execute are not told.

    0 if it is no child of ours, and somebody else has set the variable.
    """
    text = os.environ.pop(VARIABLE)
    try:
        os.waitid(os.P_PID, int(text), os.WEXITED | os.WNOWAIT)
    except (ValueError, OverflowError, ChildProcessError):
        return 0
    return int(text)


def of_init(syscall: Syscall, root: str, container_id: str, pid: int) -> ProcessDiedError:
    """Take back a container whose init was killed, and return the error that tells about it.

    Raises:
        LibcontainerError: somebody else has taken it back, or is at it.
    """
    directory = store.ContainerDirectory(root, container_id)
    directory.lock()
    state, spec = directory.load(), _spec_of(directory)
    manager = cgroups.of_container(state)
    resources = spec.linux.resources
    poststop = spec.hooks.poststop if spec.hooks is not None else ()
    error = death.explain("the container's init", pid, "the container was created", manager, resources)
    create.do_all(
        error,
        ("remove the cgroup", lambda: create.remove_cgroup(manager, state)),
        ("run the poststop hooks", lambda: delete.run_poststop_hooks(syscall, state, poststop)),
        ("remove the state", directory.remove),
    )
    return error


def of_process(root: str, container_id: str, pid: int) -> ProcessDiedError:
    """Return the error that tells how a process ended that exec was about to run."""
    directory = store.ContainerDirectory(root, container_id)
    manager = cgroups.of_container(directory.load())
    resources = _spec_of(directory).linux.resources
    return death.explain("the process", pid, "the program was executed", manager, resources)


def _spec_of(directory: store.ContainerDirectory) -> Spec:
    return load.parse(directory.read(store.CONFIG_FILE))
