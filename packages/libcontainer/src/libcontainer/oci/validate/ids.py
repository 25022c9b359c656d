"""Rules of id mappings, user_namespaces(7): sizes, overlaps, number of lines."""

from __future__ import annotations

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from libcontainer.oci.spec import LinuxIDMapping

_MAX_LINES = 340
_END_OF_IDS = 2**32 - 1


def faults(mappings: Sequence[LinuxIDMapping], at: str) -> Iterator[SpecError]:
    """Find what the kernel would refuse in the mappings, whose path in the document is ``at``."""
    if len(mappings) > _MAX_LINES:
        yield SpecError(at, f"expected at most {_MAX_LINES} mappings, got {len(mappings)}")
    for index, mapping in enumerate(mappings):
        if mapping.size == 0:
            yield SpecError(f"{at}[{index}].size", "must not be 0")
        elif max(mapping.container_id, mapping.host_id) + mapping.size > _END_OF_IDS:
            yield SpecError(f"{at}[{index}].size", f"the range ends beyond the last id, {_END_OF_IDS - 1}")
    if len(mappings) > 1:
        yield from _overlaps(sorted((m.container_id, m.size) for m in mappings), "containerID", at)
        yield from _overlaps(sorted((m.host_id, m.size) for m in mappings), "hostID", at)


def _overlaps(ranges: list[tuple[int, int]], name: str, at: str) -> Iterator[SpecError]:
    for (first, size), (second, _) in zip(ranges, ranges[1:], strict=False):  # noqa: RUF007 - no import for it
        if first + size > second:
            yield SpecError(at, f"the ranges of {name} from {first} and from {second} overlap")
