"""Which test shows that what ``features`` claims is true, where no list of values can be tried; data only."""

from __future__ import annotations

_SPEC = "tests/integration/spec"
_LABEL = f"{_SPEC}/test_spec_process.py::TestSecurityModules::test_label_without_its_module_is_refused"

SPECIAL_MOUNT_WORDS = {
    "remount": f"{_SPEC}/test_spec_mounts.py::test_remount_changes_an_earlier_mount",
    "tmpcopyup": f"{_SPEC}/test_spec_mounts.py::test_tmpcopyup_keeps_owners_links_and_modes",
    "idmap": f"{_SPEC}/test_spec_mounts.py::TestIdMappings::test_owner_is_the_mapped_one",
    "ridmap": f"{_SPEC}/test_spec_mounts.py::TestIdMappings::test_owner_is_the_mapped_one",
    "copy-symlink": f"{_SPEC}/test_spec_mounts.py::TestLinks::test_copy_symlink_makes_the_link_itself",
    "src-nofollow": f"{_SPEC}/test_spec_mounts.py::TestLinks::test_src_nofollow_mounts_the_link_itself",
    "dest-nofollow": f"{_SPEC}/test_spec_mounts.py::TestLinks::test_dest_nofollow_covers_the_link_itself",
}
"""Words whose effect mountinfo does not show."""

MEMORY_MODES = {
    "MPOL_DEFAULT": (None, "0 0"),
    "MPOL_PREFERRED": ("0", "1 1"),
    "MPOL_BIND": ("0", "2 1"),
    "MPOL_INTERLEAVE": ("0", "3 1"),
    "MPOL_LOCAL": (None, "4 0"),
    "MPOL_PREFERRED_MANY": ("0", "5 1"),
    "MPOL_WEIGHTED_INTERLEAVE": ("0", "6 1"),
}
"""Mode: the nodes to give, and what get_mempolicy(2) then says of mode and nodes."""

MEMORY_FLAGS = {"MPOL_F_STATIC_NODES": 1 << 15, "MPOL_F_RELATIVE_NODES": 1 << 14, "MPOL_F_NUMA_BALANCING": 1 << 13}
"""Flag: its bit in the mode."""

BOOLEANS = {
    "linux.cgroup.v1": f"{_SPEC}/test_spec_resources.py::test_limits_are_seen_inside",
    "linux.cgroup.v2": "tests/vm/guest/test_guest_v2.py::test_ten_limits_are_applied",
    "linux.cgroup.systemd": "tests/vm/guest/test_guest_systemd.py::test_a_scope_lives_with_its_limits",
    "linux.cgroup.systemdUser": (
        "tests/vm/guest/test_guest_systemd.py::test_the_manager_is_asked_from_inside_a_user_namespace"
    ),
    "linux.cgroup.rdma": (
        "packages/libcgroups/tests/test_cgroups_v1_controllers.py::test_handles_and_objects_are_written"
    ),
    "linux.seccomp.enabled": "tests/contest/test_seccomp.py::TestDocker::test_filter_is_on",
    "linux.apparmor.enabled": _LABEL,
    "linux.selinux.enabled": _LABEL,
    "linux.intelRdt.enabled": f"{_SPEC}/test_spec_intel_rdt.py::test_class_that_exists_is_joined_and_stays",
    "linux.intelRdt.schemata": (
        f"{_SPEC}/test_spec_intel_rdt.py::test_group_of_its_own_has_the_schemata_and_the_process"
    ),
    "linux.intelRdt.monitoring": f"{_SPEC}/test_spec_intel_rdt.py::test_monitoring_group_comes_and_goes",
    "linux.mountExtensions.idmap.enabled": SPECIAL_MOUNT_WORDS["idmap"],
    "linux.netDevices.enabled": (
        f"{_SPEC}/test_spec_devices.py::TestNetworkDevices::test_moves_with_its_addresses_and_is_up"
    ),
}
"""Claims that are true or false."""
