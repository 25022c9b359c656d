"""The hugetlb controller of cgroup v2: bytes of huge pages, used and reserved, by size."""

from __future__ import annotations

import os

from libcgroups.v2.controllers import Controller, Write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.resources import LinuxResources
    from libcgroups.stats import HugeTlbStats


class HugeTlb(Controller):
    """hugetlb.SIZE.max and hugetlb.SIZE.rsvd.max."""

    name = "hugetlb"

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether any size is limited."""
        return bool(resources.hugepage_limits)

    @classmethod
    def plan(cls, resources: LinuxResources, directory: str) -> list[Write]:
        """Return the writes.

        From the directory one sees what sizes there are and whether reservations (since Linux 5.7) can be limited.

        Raises:
            ResourceError: not a page size of this machine.
        """
        writes = []
        for index, limit in enumerate(resources.hugepage_limits):
            file = f"hugetlb.{limit.page_size}.max"
            if not is_page_size(limit.page_size) or not os.path.exists(f"{directory}/{file}"):
                from libcgroups import errors

                raise errors.ResourceError(
                    f"linux.resources.hugepageLimits[{index}].pageSize: {limit.page_size!r} is no huge page size here",
                    hint="the sizes are the names in /sys/kernel/mm/hugepages",
                    controller="hugetlb",
                )
            writes.append(Write(file, str(limit.limit)))
            reserved = f"hugetlb.{limit.page_size}.rsvd.max"
            if os.path.exists(f"{directory}/{reserved}"):
                writes.append(Write(reserved, str(limit.limit)))
        return writes

    @classmethod
    def stats(cls, directory: str) -> dict[str, HugeTlbStats]:
        """Read usage and failures by page size; reservations where the kernel counts them (since Linux 5.7)."""
        from libcgroups import stats

        found = {}
        for size in stats.supported_page_sizes():
            for kind in (f"hugetlb.{size}.rsvd", f"hugetlb.{size}"):
                if os.path.exists(f"{directory}/{kind}.current"):
                    events = stats.parse_flat_keyed_data(f"{directory}/hugetlb.{size}.events")
                    found[size] = stats.HugeTlbStats(
                        usage=stats.parse_single_value(f"{directory}/{kind}.current"), fail_count=events.get("max", 0)
                    )
                    break
        return found


def is_page_size(text: str) -> bool:
    """Tell whether a text is a size as the kernel writes it: a number without leading zero, then KB, MB or GB."""
    number = text[:-2]
    return text[-2:] in ("KB", "MB", "GB") and number.isascii() and number.isdigit() and number[0] != "0"
