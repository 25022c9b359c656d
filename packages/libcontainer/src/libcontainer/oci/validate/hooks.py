"""Rules of ``hooks``."""

from __future__ import annotations

from libcontainer.errors import SpecError
from libcontainer.oci.decode import json_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from libcontainer.oci.spec import Hook, Hooks


def faults(hooks: Hooks) -> Iterator[SpecError]:
    """Find every fault of the hooks."""
    for name in hooks.__fields__:
        point: Sequence[Hook] = getattr(hooks, name)
        for index, hook in enumerate(point):
            at = f"hooks.{json_name(name)}[{index}]"
            if not hook.path.startswith("/"):
                yield SpecError(f"{at}.path", f"expected an absolute path, got {hook.path[:80]!r}")
            if hook.timeout is not None and hook.timeout <= 0:
                yield SpecError(f"{at}.timeout", f"expected more than 0 seconds, got {hook.timeout}")
