"""Where runc 1.1.5 deviates, as root, from what these tests expect: runtime, test, reason; data only."""

from __future__ import annotations

DIFFERENCES: dict[str, dict[str, str]] = {
    "pyouki": {},
    "runc": {
        "test_guest_hugetlb.py::test_the_limit_changes": "update ignores them",
        "test_guest_hugetlb.py::test_who_maps_too_many_is_refused_and_it_is_counted": (
            "does not limit reservations, so that the program is killed; later ones do"
        ),
        "test_guest_io.py::test_a_disk_that_has_no_weights_is_named[iocost-cgroupfs]": "ignores weights of devices",
        "test_guest_io.py::test_another_limit_leaves_the_weights[systemd]": "leaves the default weight of systemd",
        "test_guest_io.py::test_limits_survive_a_reload_of_systemd": "does not tell systemd of the weights",
        "test_guest_io.py::test_weights_go_to_iocost_where_bfq_is_not": "ignores weights of devices there",
        "test_guest_lifecycle.py::test_a_container_whose_state_is_garbled_is_deleted_with_its_unit": "cannot delete it",
        "test_guest_limits.py::test_a_cgroup_in_use_is_refused": "warns; refuses since runc 1.2",
        "test_guest_limits.py::test_a_refused_change_leaves_every_limit": "leaves what was written before",
        "test_guest_rdma.py::test_limits_change_and_what_is_not_named_stays": "update ignores them",
        "test_guest_security.py::test_who_may_write_the_cgroup_owns_the_part_that_can_be_delegated[cgroupfs-rw]": (
            "gives the cgroup away with the systemd driver only"
        ),
        "test_guest_v1.py::test_huge_pages_are_limited_and_counted": "as on v2",
        "test_guest_v1.py::test_limits_change_and_a_refused_change_leaves_them": "update ignores them",
    },
}
