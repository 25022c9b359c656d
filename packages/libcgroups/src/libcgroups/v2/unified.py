"""``linux.resources.unified``: values written to cgroup v2 files as they are, after everything else."""

from __future__ import annotations

from libcgroups import files
from libcgroups.v2.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from libcgroups.resources import LinuxResources


class Unified(Controller):
    """Any file. A pseudo controller: its name is in no cgroup.controllers, the files belong to others."""

    name = "unified"

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether any file is named."""
        return bool(resources.unified)

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes; several lines are several writes, as keyed files take one entry at a time.

        Raises:
            ResourceError: a key is not a file name.
        """
        writes = []
        for key, value in resources.unified.items():
            if not files.is_single_component(key):
                from libcgroups import errors

                raise errors.ResourceError(f"linux.resources.unified: {key!r} is not the name of a cgroup file")
            writes += [Write(key, line) for line in value.split("\n") if line] or [Write(key, value)]
        return writes


def controllers(unified: Mapping[str, str]) -> list[str]:
    """List the controllers whose files are named; ``cgroup.…`` and files without a prefix have none."""
    prefixes = dict.fromkeys(key.split(".", 1)[0] for key in unified if "." in key)
    return [prefix for prefix in prefixes if prefix != "cgroup"]
