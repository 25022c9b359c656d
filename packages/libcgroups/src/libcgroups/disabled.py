"""The manager that manages nothing: the container stays where its creator is; limits are refused."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.manager import (
        CgroupConfig,
        ControllerOpt,
        Entrance,
        FreezerStateName,
        Hierarchy,
        Kind,
        OomEvents,
        State,
    )
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import Stats


class Manager:
    """A CgroupManager for containers without a cgroup of their own."""

    kind: Kind = "disabled"

    def __init__(self, config: CgroupConfig | None = None) -> None:
        pass

    @classmethod
    def restore(cls, state: State) -> Manager:
        """Give back the manager whose ``state()`` was saved."""
        return cls()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manager)

    def __hash__(self) -> int:
        return hash(Manager)

    def state(self) -> dict[str, object]:
        """Return the kind; there is nothing else to know."""
        return {"kind": self.kind}

    def hierarchies(self) -> tuple[Hierarchy, ...]:
        """Return none."""
        return ()

    def create(self, resources: LinuxResources | None = None) -> None:
        """Make nothing."""

    def open_entrance(self) -> Entrance | None:
        """Return None: the child stays where its parent is."""
        return None

    def add_task(self, pid: int) -> None:
        """Leave the process where it is."""

    def apply(self, controller_opt: ControllerOpt) -> None:
        """Accept resources that limit nothing.

        Device rules are no reason to fail: every generated configuration has them.

        Raises:
            ResourceError: a limit was asked for.
        """
        resources = controller_opt.resources
        for name in () if resources is None else resources.__fields__:
            if name != "devices" and _limits(getattr(resources, name)):
                from libcgroups import errors

                raise errors.ResourceError(
                    f"linux.resources.{name}: cannot be applied, cgroups are disabled",
                    hint="choose another cgroup manager, or remove the limit",
                    controller=name,
                )

    def update(self, resources: LinuxResources) -> None:
        """Refuse limits as apply does."""
        from libcgroups.manager import ControllerOpt

        self.apply(ControllerOpt(resources=resources))

    def freeze(self, state: FreezerStateName) -> None:
        """Refuse.

        Raises:
            NotMountedError: always.
        """
        raise _unmanaged("freeze")

    def is_frozen(self) -> bool:
        """Return False."""
        return False

    def get_all_pids(self) -> list[int]:
        """Return none: which processes are the container's is unknown."""
        return []

    def exists(self) -> bool:
        """Return False."""
        return False

    def kill(self, signal: int) -> None:
        """Signal nobody; the engine signals the init process itself."""

    def stats(self) -> Stats:
        """Return empty statistics."""
        from libcgroups.stats import Stats

        return Stats()

    def oom_events(self) -> OomEvents:
        """Refuse.

        Raises:
            NotMountedError: always.
        """
        raise _unmanaged("watch for out-of-memory events")

    def remove(self) -> None:
        """Remove nothing."""


def _limits(value: object) -> bool:
    """Tell whether a part of the resources asks for anything."""
    fields = getattr(value, "__fields__", None)
    if fields is None:
        return bool(value)
    return any(getattr(value, name) for name in fields)


def _unmanaged(action: str) -> Exception:
    from libcgroups import errors

    return errors.NotMountedError(f"{action}: the container has no cgroup of its own, cgroups are disabled")
