"""What youki's interface gathers in a module of this name; defined in the modules named by the imports below."""

from __future__ import annotations

from libcgroups.detect import DEFAULT_CGROUP_ROOT, CgroupSetup, get_cgroup_setup, get_cgroup_setup_with_root
from libcgroups.devices import default_allow_devices, default_devices
from libcgroups.errors import CgroupError as AnyManagerError
from libcgroups.errors import FileError as WrappedIoError
from libcgroups.files import get_all_pids, join_safely, read_cgroup_file, write_cgroup_file, write_cgroup_file_str
from libcgroups.manager import (
    CgroupConfig,
    CgroupManager,
    ControllerOpt,
    FreezerState,
    create_cgroup_manager,
    create_cgroup_manager_with_root,
)
from libcgroups.manager import CgroupManager as AnyCgroupManager
from libcgroups.removal import delete_with_retry

__all__ = [
    "DEFAULT_CGROUP_ROOT",
    "AnyCgroupManager",
    "AnyManagerError",
    "CgroupConfig",
    "CgroupManager",
    "CgroupSetup",
    "ControllerOpt",
    "FreezerState",
    "WrappedIoError",
    "create_cgroup_manager",
    "create_cgroup_manager_with_root",
    "default_allow_devices",
    "default_devices",
    "delete_with_retry",
    "get_all_pids",
    "get_cgroup_setup",
    "get_cgroup_setup_with_root",
    "join_safely",
    "read_cgroup_file",
    "write_cgroup_file",
    "write_cgroup_file_str",
]
