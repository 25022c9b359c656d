"""Device rules on cgroup v2: a BPF program attached to the cgroup; there is no controller and no file."""

from __future__ import annotations

import os

from libcgroups import devices
from libcgroups.v2.bpf import assemble, load, rules
from libcgroups.v2.controllers import Controller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from libcgroups.manager import ControllerOpt
    from libcgroups.resources import LinuxDeviceCgroup, LinuxResources

_EPERM = 1


class Devices(Controller):
    """A pseudo controller: the rules of the configuration, completed with the devices every container may use."""

    name = "devices"

    @classmethod
    def is_needed(cls, resources: LinuxResources) -> bool:
        """Tell whether there are rules."""
        return bool(resources.devices)

    @classmethod
    def apply(cls, controller_opt: ControllerOpt, directory: str) -> None:
        """Enforce the rules of the resources; see ``enforce``."""
        if controller_opt.resources is not None and controller_opt.resources.devices:
            enforce(controller_opt.resources.devices, directory)


def enforce(device_rules: Iterable[LinuxDeviceCgroup], directory: str) -> None:
    """Attach the program for the rules to a cgroup, in the place of those that are attached to it now.

    There is no moment without one. A program for rules that allow everything is attached only to replace others.

    In a user namespace bpf(2) is not permitted and the rules are not enforced, as with every other runtime: without
    rights over the host's devices, device nodes can neither be made nor opened beyond what the host's modes allow.

    Raises:
        ResourceError: a rule is invalid.
        FileError: the kernel refused; ``errno`` tells why.
    """
    decisions = rules.decide(devices.complete_rules(device_rules))
    code = assemble.encode(assemble.assemble(decisions))
    cgroup_fd = load.open_cgroup(directory)
    try:
        attached = load.query(cgroup_fd)
        if decisions == rules.ALLOW_EVERYTHING and not attached:
            return
        program_fd = load.load(code)
        try:
            load.replace(cgroup_fd, program_fd, attached)
        finally:
            os.close(program_fd)
    except load.BpfError as error:
        if error.errno != _EPERM or not _is_in_user_namespace():
            raise
    finally:
        os.close(cgroup_fd)


def _is_in_user_namespace() -> bool:
    """Tell whether our user namespace is not the initial one, or we are not its root: no device rights either way."""
    if os.geteuid() != 0:
        return True
    with open("/proc/self/uid_map", encoding="ascii") as uid_map:
        return uid_map.read().split() != ["0", "0", "4294967295"]
