"""Switching controllers on down the tree, threaded domains, and giving a cgroup away; cgroups(7), "Delegation"."""

from __future__ import annotations

import os

from libcgroups import errors, files
from libcgroups.v2.controllers import THREADED_CONTROLLERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Switched on wherever possible, even without limits: ``docker stats`` and the kubelet read what these count.
ACCOUNTING_CONTROLLERS = ("cpu", "io", "memory", "pids")

_DELEGATED_FILES = "/sys/kernel/cgroup/delegate"


def get_available_controllers(directory: str) -> list[str]:
    """List the controllers that a cgroup has, cgroup.controllers; none when it does not exist."""
    return (files.read_optional_cgroup_file(f"{directory}/cgroup.controllers") or "").split()


def ancestors(mount_point: str, directory: str) -> list[str]:
    """List the cgroups above a cgroup, from the mount point down."""
    names = directory[len(mount_point) :].strip("/").split("/")
    return ["/".join([mount_point, *names[:count]]) for count in range(len(names))]


def enable_controllers(mount_point: str, directory: str, required: Sequence[str]) -> None:
    """Switch controllers on for a cgroup: write cgroup.subtree_control of each cgroup above it, where needed.

    Together with those required, the ACCOUNTING_CONTROLLERS are switched on if nothing speaks against it.

    Args:
        mount_point: of the hierarchy.
        directory: the cgroup; it exists.
        required: the controllers it must have afterwards.

    Raises:
        NotMountedError: the kernel does not have a controller in this hierarchy.
        DelegationError: a controller is not delegated to us, or a cgroup above holds processes.
    """
    wanted = {*required, *ACCOUNTING_CONTROLLERS}
    present = get_available_controllers(directory)
    if wanted.issubset(present):
        return
    refusals = {}
    for parent in ancestors(mount_point, directory):
        refusal = _enable(parent, required, wanted)
        if refusal is not None:
            refusals[parent] = refusal
    if not set(required).issubset(present):
        present = get_available_controllers(directory)
        absent = [name for name in required if name not in present]
        if absent:
            raise _explain(mount_point, directory, absent, refusals)


def _enable(parent: str, required: Sequence[str], wanted: set[str]) -> errors.FileError | None:
    """Switch on in one cgroup what it has of the wanted controllers; if that fails, only what is required."""
    try:
        enabled = files.read_cgroup_file(f"{parent}/cgroup.subtree_control").split()
        names = [name for name in get_available_controllers(parent) if name in wanted and name not in enabled]
    except errors.FileError as error:
        return error
    refusal = None
    for attempt in dict.fromkeys((" ".join(f"+{n}" for n in names), " ".join(f"+{n}" for n in names if n in required))):
        if not attempt:
            return None
        try:
            files.write_cgroup_file(f"{parent}/cgroup.subtree_control", attempt)
        except errors.FileError as error:
            refusal = error
        else:
            return None
    return refusal


def _explain(
    mount_point: str, directory: str, absent: Sequence[str], refusals: Mapping[str, errors.FileError]
) -> errors.CgroupError:
    """Find out why a cgroup does not have controllers, and what to do about it."""
    unknown = [name for name in absent if name not in get_available_controllers(mount_point)]
    if unknown:
        return errors.NotMountedError(
            f"cgroup {directory}: controller {', '.join(unknown)} is not in the cgroup v2 hierarchy of this machine",
            path=f"{mount_point}/cgroup.controllers",
            hint="it is missing in the kernel, switched off by cgroup_disable=, or in use by a mounted v1 hierarchy",
            controller=unknown[0],
        )
    # The first cgroup on the way down that has the controller and does not hand it on.
    parents = ancestors(mount_point, directory)
    blocking = next(
        (above for above, below in zip(parents, [*parents[1:], directory], strict=True)
         if not set(absent).issubset(get_available_controllers(below))),
        parents[-1],
    )  # fmt: skip
    refusal = refusals.get(blocking)
    message = f"cgroup {directory}: controller {', '.join(absent)} is not available, {blocking} does not delegate it"
    if refusal is not None and refusal.errno == 16:  # EBUSY
        pids = errors.describe_pids(files.read_pids(blocking))
        message = (
            f"cgroup {directory}: controller {', '.join(absent)} is not available, "
            f"{blocking} cannot hand it down while it holds {pids}"
        )
        hint = (
            "choose a cgroupsPath that is not below a cgroup with processes, or move these into a cgroup of their own"
        )
    else:
        units = _unit_of(blocking)
        names = " ".join(dict.fromkeys(("cpu", "cpuset", "io", "memory", "pids", *absent)))
        hint = f"add Delegate={names} to the [Service] section of {units} (systemctl edit {units}) and log in again"
    return errors.DelegationError(
        message,
        path=f"{blocking}/cgroup.subtree_control",
        errno=refusal.errno if refusal is not None else None,
        hint=hint,
        controller=absent[0],
    )


def _unit_of(directory: str) -> str:
    """Name the systemd unit whose Delegate= decides about a cgroup."""
    for name in directory.split("/"):
        if name.startswith("user@") and name.endswith(".service"):
            return "user@.service"
        if name.endswith((".service", ".scope")):
            return name
    return "user@.service"


def repair_threaded(mount_point: str, directory: str, required: Sequence[str]) -> None:
    """Make a cgroup usable that was made below a threaded one.

    Such a cgroup is ``domain invalid`` and takes no processes until it becomes threaded itself. That is what happens
    here, as long as nothing is asked for that threads cannot have.

    Raises:
        DelegationError: a controller is required that exists for whole domains only.
        FileError: the kernel refused.
    """
    kind = read_type(directory)
    if kind == "domain":
        return
    domain_only = [name for name in required if name not in THREADED_CONTROLLERS]
    if domain_only:
        raise errors.DelegationError(
            f"cgroup {directory}: is {kind}, where controller {', '.join(domain_only)} cannot exist",
            path=f"{directory}/cgroup.type",
            hint="choose a cgroupsPath that is not below a threaded cgroup",
            controller=domain_only[0],
        )
    for cgroup in [*ancestors(mount_point, directory)[1:], directory]:
        if read_type(cgroup) == "domain invalid":
            files.write_cgroup_file(f"{cgroup}/cgroup.type", "threaded")


def read_type(directory: str) -> str:
    """Return ``domain``, ``domain threaded``, ``domain invalid`` or ``threaded``; the root is a domain."""
    return (files.read_optional_cgroup_file(f"{directory}/cgroup.type") or "domain").strip()


def give_away(directory: str, uid: int) -> None:
    """Make a user the owner of a cgroup and of those of its files that the kernel allows to delegate.

    Raises:
        FileError: the kernel refused.
    """
    listed = files.read_optional_cgroup_file(_DELEGATED_FILES) or "cgroup.procs cgroup.subtree_control cgroup.threads"
    for path in [directory, *(f"{directory}/{name}" for name in listed.split())]:
        try:
            os.chown(path, uid, -1)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise errors.from_os_error("give", path, error, f"uid {uid}") from error
