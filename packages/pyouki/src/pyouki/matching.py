"""Commands on all containers whose id matches a regular expression, crun's --regex."""

from __future__ import annotations

import re

from libcontainer.container import store
from libcontainer.errors import ArgumentError, LibcontainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pyouki.main import Environment


def for_each(environment: Environment, pattern: str, act: Callable[[store.ContainerDirectory], None]) -> int:
    """Act on every container whose id the pattern is found in; go on after failures, and tell the first of them.

    Raises:
        LibcontainerError: the pattern is invalid, or a container refused.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ArgumentError(f"invalid regular expression {pattern!r}: {error}", object=pattern) from None
    first: LibcontainerError | None = None
    for container_id in store.list_ids(environment.root):
        if not expression.search(container_id):
            continue
        try:
            act(store.ContainerDirectory(environment.root, container_id))
        except LibcontainerError as error:
            if first is None:
                first = error
            else:
                first.add_note(str(error))
    if first is not None:
        raise first
    return 0
