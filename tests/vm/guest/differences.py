"""Where runc 1.1.5 deviates, as root, from what these tests expect: runtime, test, reason; data only."""

from __future__ import annotations

DIFFERENCES: dict[str, dict[str, str]] = {
    "pyouki": {},
    "runc": {
        "test_guest_limits.py::test_a_cgroup_in_use_is_refused": "warns; refuses since runc 1.2",
        "test_guest_limits.py::test_a_refused_change_leaves_every_limit": "leaves what was written before",
        "test_guest_security.py::test_who_may_write_the_cgroup_owns_the_part_that_can_be_delegated[cgroupfs-rw]": (
            "gives the cgroup away with the systemd driver only"
        ),
    },
}
