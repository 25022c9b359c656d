"""The cgroup manager of an existing container, with this package's errors; for a new one see ``new_cgroup``."""

from __future__ import annotations

from libcgroups.manager import restore_cgroup_manager
from libcontainer.errors import CgroupsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from libcgroups.manager import CgroupManager, Entrance
    from libcontainer.container.state import ContainerState


class translated:  # noqa: N801 - used as a statement, like contextlib.suppress
    """Turn an error of libcgroups in the block into a CgroupsError; ``step`` says what was done."""

    def __init__(self, step: str) -> None:
        self.step = step

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # The errors of libcgroups are imported by whoever raises, and not paid for by anybody else.
        if kind is not None and kind.__module__.startswith("libcgroups."):
            raise translate(error, self.step) from error


def translate(error: BaseException | None, step: str) -> CgroupsError:
    """Return the error of libcgroups as one of ours."""
    return CgroupsError(
        str(error),
        None,
        step=step,
        property=getattr(error, "property", "")
        or ("linux.cgroupsPath" if step == "cgroup create" else "linux.resources"),
        object=getattr(error, "path", None) or None,
        hint=getattr(error, "hint", None) or None,
    )


def of_container(state: ContainerState) -> CgroupManager:
    """Return the manager of an existing container."""
    with translated("cgroup"):
        return restore_cgroup_manager(dict(state.cgroup))


def enter(entrance: Entrance | None) -> None:
    """Enter, as a child that was just cloned, the cgroup that main has opened; None is none."""
    if entrance is not None:
        with translated("cgroup join"):
            entrance.enter()


def freezer_file(manager: CgroupManager) -> str:
    """Return the file that tells whether the cgroup is frozen, "" if there is none."""
    for hierarchy in manager.hierarchies():
        if "freezer" in hierarchy.controllers:
            return f"{hierarchy.directory}/freezer.state"
    if manager.kind in ("v2", "systemd"):
        for hierarchy in manager.hierarchies():
            if not hierarchy.controllers:
                return f"{hierarchy.directory}/cgroup.freeze"
    return ""
