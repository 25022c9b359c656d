"""Rules of ``linux.intelRdt``: names and lines as resctrl takes them."""

from __future__ import annotations

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from libcontainer.oci.spec import LinuxIntelRdt


def faults(rdt: LinuxIntelRdt) -> Iterator[SpecError]:
    """Find every fault of the class of service."""
    at = "linux.intelRdt"
    clos_id = rdt.clos_id or ""
    if clos_id in (".", "..") or ("/" in clos_id and clos_id != "/") or "\n" in clos_id:
        yield SpecError(f"{at}.closID", f"expected the name of a directory, got {clos_id[:80]!r}")
    memory = rdt.mem_bw_schema
    if memory and (not memory.startswith("MB:") or "\n" in memory):
        yield SpecError(f"{at}.memBwSchema", f"expected one line that starts with 'MB:', got {memory[:80]!r}")
    for index, line in enumerate(rdt.schemata or ()):
        if "\n" in line:
            yield SpecError(f"{at}.schemata[{index}]", "must not hold a line break")
