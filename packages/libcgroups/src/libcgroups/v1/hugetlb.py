"""Huge pages, hugetlb.rst."""

from __future__ import annotations

import os

from libcgroups import files
from libcgroups.v1.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import HugeTlbStats


class HugeTlb(Controller):
    """The hugetlb controller."""

    name = "hugetlb"

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes; reservations are limited too where the kernel counts them (since 5.7)."""
        writes = []
        for index, limit in enumerate(resources.hugepage_limits):
            size = limit.page_size
            if not _is_page_size(size) or not os.path.exists(f"{directory}/hugetlb.{size}.limit_in_bytes"):
                raise _unknown(index, size)
            writes.append(Write(f"hugetlb.{size}.limit_in_bytes", str(limit.limit)))
            if os.path.exists(f"{directory}/hugetlb.{size}.rsvd.limit_in_bytes"):
                writes.append(Write(f"hugetlb.{size}.rsvd.limit_in_bytes", str(limit.limit)))
        return writes

    @classmethod
    def stats(cls, directory: str) -> dict[str, HugeTlbStats]:
        """Read usage by page size."""
        from libcgroups.stats import HugeTlbStats, parse_optional_value, supported_page_sizes

        found = {}
        for size in supported_page_sizes():
            prefix = f"{directory}/hugetlb.{size}.rsvd"
            if files.read_optional_cgroup_file(f"{prefix}.usage_in_bytes") is None:
                prefix = f"{directory}/hugetlb.{size}"
            found[size] = HugeTlbStats(
                usage=parse_optional_value(f"{prefix}.usage_in_bytes"),
                max_usage=parse_optional_value(f"{prefix}.max_usage_in_bytes"),
                fail_count=parse_optional_value(f"{prefix}.failcnt"),
            )
        return found


def _is_page_size(text: str) -> bool:
    """Tell whether a name is one of a page size (``2MB``): it becomes part of a file name."""
    number = text[:-2]
    return text[-2:] in ("KB", "MB", "GB") and number.isascii() and number.isdigit() and number[0] != "0"


def _unknown(index: int, size: str) -> Exception:
    from libcgroups import errors
    from libcgroups.stats import supported_page_sizes

    sizes = ", ".join(supported_page_sizes()) or "none"
    return errors.ResourceError(
        f"linux.resources.hugepageLimits[{index}].pageSize: {size!r} is no page size of this kernel",
        hint=f"page sizes here: {sizes}",
        controller="hugetlb",
    )
