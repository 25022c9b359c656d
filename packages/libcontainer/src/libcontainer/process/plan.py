"""Everything about a container that can be decided before its first process exists; no side effect, printable.

The plan is made by main and inherited by the fork: nothing of it has to be sent to the container's processes.
"""

from __future__ import annotations

import os

from libcgroups.record import Record
from libcontainer import capabilities, log, namespaces, new_cgroup, user_ns
from libcontainer.errors import ArgumentError, SpecError, strerror
from libcontainer.process import steps
from libcontainer.rootfs import plan as rootfs_plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.manager import CgroupManager
    from libcontainer.capabilities import CapabilityMasks
    from libcontainer.executor import Executor
    from libcontainer.oci.spec import Process, Spec
    from libcontainer.rootfs.plan import RootfsPlan


class CreateOptions(Record):
    """What a caller says about a container beside its bundle.

    Attributes:
        container_id: its name.
        bundle: absolute path of the bundle.
        root: directory of all containers.
        config: path of the configuration, "" for config.json in the bundle.
        console_socket: socket that is sent the terminal's master, "" for none.
        pid_file: file that is given init's pid, "" for none.
        pidfd_socket: socket that is sent a pidfd of init, "" for none.
        no_pivot: move the root file system over the old root instead of pivot_root(2).
        no_new_keyring: stay in the caller's session keyring.
        preserve_fds: number of descriptors from 3 on that the container gets.
        listen_fds: how many of these are sockets passed by systemd.
        systemd_cgroup: systemd manages the cgroup.
        no_cgroup: stay in the caller's cgroup.
        rootless: the caller is not root of the host.
        notifies: the container gets a socket to notify the caller's service manager, see ``sd_notify``.
        is_detached: the caller will not wait for the container.
        successor: command line of this very process, executed again if a child that shares its memory is killed (see
            ``aftermath``); without one no child shares it.
    """

    container_id: str
    bundle: str
    root: str
    config: str = ""
    console_socket: str = ""
    pid_file: str = ""
    pidfd_socket: str = ""
    no_pivot: bool = False
    no_new_keyring: bool = False
    preserve_fds: int = 0
    listen_fds: int = 0
    systemd_cgroup: bool = False
    no_cgroup: bool = False
    rootless: bool = False
    notifies: bool = False
    is_detached: bool = True
    successor: tuple[str, ...] = ()


class Plan(Record):
    """How to make one container.

    Attributes:
        options: what the caller said.
        spec: the configuration.
        process: its process, which is always there.
        rootfs: absolute path of the root file system.
        new_types: types of namespaces that are made.
        clone_flags: flags with which init is cloned.
        needs_intermediate: a namespace must be joined, or a user namespace entered, before init can be cloned.
        has_user_namespace: init is in a user namespace other than main's.
        rootfs_plan: mounts, devices, links, and what is done to them after the pivot.
        capabilities: the five sets as masks.
        executor: who runs the workload; None for the ordinary execve(2).
        keeps_groups: the process keeps the groups of the caller.
    """

    options: CreateOptions
    spec: Spec
    process: Process
    rootfs: str
    new_types: frozenset[str]
    clone_flags: int
    needs_intermediate: bool
    has_user_namespace: bool
    rootfs_plan: RootfsPlan
    capabilities: CapabilityMasks
    executor: Executor | None = None
    keeps_groups: bool = False

    @property
    def stays_in_python(self) -> bool:
        """Whether init waits for start as an interpreter: startContainer hooks and executors are Python code."""
        return self.executor is not None or bool(self.spec.hooks and self.spec.hooks.start_container)


def make(
    options: CreateOptions,
    spec: Spec,
    cgroup: CgroupManager,
    last_cap: int,
    grantable: int,
    executor: Executor | None = None,
) -> Plan:
    """Plan a container.

    Args:
        options: what the caller said.
        spec: the configuration, validated.
        cgroup: the container's cgroup manager.
        last_cap: number of the kernel's last capability.
        grantable: mask of the capabilities that init will have to give.
        executor: who runs the workload; None for the ordinary execve(2).

    Raises:
        SpecError: the configuration asks for what cannot be.
    """
    process = spec.process
    if process is None:
        raise SpecError("process", "process property must not be empty", hint="create needs a process to run later")
    _check_terminal(options, process.terminal)
    linux = spec.linux
    types = namespaces.new_types(linux.namespaces)
    joined = frozenset(namespace.type for namespace in linux.namespaces if namespace.path)
    needs_intermediate = bool(
        joined & {"user", "pid", "time"} or "time" in types or ("user" in types and joined) or "mount" in joined
    )
    rootfs = _rootfs(options.bundle, spec.root.path)
    masks, warnings = capabilities.masks(process.capabilities, last_cap, grantable)
    for warning in warnings:
        log.warning("%s", warning)
    return Plan(
        options=options,
        spec=spec,
        process=process,
        rootfs=rootfs,
        new_types=types,
        clone_flags=namespaces.clone_flags(types - _not_cloned(types, needs_intermediate)),
        needs_intermediate=needs_intermediate,
        has_user_namespace="user" in types or "user" in joined or user_ns.is_in_user_namespace(),
        rootfs_plan=_rootfs_plan(options, spec, rootfs, cgroup),
        capabilities=masks,
        executor=executor,
        keeps_groups=steps.keeps_groups(spec),
    )


def _not_cloned(types: frozenset[str], needs_intermediate: bool) -> frozenset[str]:
    """Return the types of namespaces that are not made by the clone of init."""
    # The cgroup namespace is entered after the cgroup, or it would show its parents (cgroup_namespaces(7)).
    if needs_intermediate:
        return frozenset(("cgroup", "time", "user"))
    # The message queues belong to who makes the namespace: to nobody, before init is root of its user namespace.
    return frozenset(("cgroup", "time", "ipc") if "user" in types else ("cgroup", "time"))


def with_cgroup(plan: Plan, cgroup: CgroupManager) -> Plan:
    """Return the plan for a cgroup that turned out to be another: a rootless user gets what may be had."""
    return plan.replace(rootfs_plan=_rootfs_plan(plan.options, plan.spec, plan.rootfs, cgroup))


def _rootfs_plan(options: CreateOptions, spec: Spec, rootfs: str, cgroup: CgroupManager) -> RootfsPlan:
    kinds = {namespace.type: bool(namespace.path) for namespace in spec.linux.namespaces}
    return rootfs_plan.make(
        spec,
        bundle=options.bundle,
        rootfs=rootfs,
        user_namespace="user" in kinds,
        cgroup=new_cgroup.view(cgroup, new_namespace=kinds.get("cgroup") is False),
        no_pivot=options.no_pivot,
        shares_mounts=kinds.get("mount") is not False,
    )


def _check_terminal(options: CreateOptions, has_terminal: bool) -> None:
    if has_terminal and not options.console_socket and options.is_detached:
        raise ArgumentError(
            "cannot allocate tty if pyouki will detach without setting console socket",
            property="process.terminal",
            hint="give --console-socket, or set process.terminal to false",
        )
    if options.console_socket and not has_terminal:
        raise ArgumentError(
            "cannot use console socket if pyouki will not detach or allocate tty",
            property="process.terminal",
            hint="set process.terminal to true, or leave out --console-socket",
        )


def _rootfs(bundle: str, path: str) -> str:
    rootfs = os.path.join(bundle, path)
    try:
        resolved = os.path.realpath(rootfs, strict=True)
    except OSError as error:
        raise SpecError("root.path", f"invalid rootfs: stat {rootfs}: {strerror(error.errno or 0)}") from None
    if resolved == "/":
        raise SpecError("root.path", "invalid rootfs: the root of the host")
    if not os.path.isdir(resolved):
        raise SpecError("root.path", f"invalid rootfs: {rootfs}: not a directory")
    return resolved
