"""Create a container: main's side, from an accepted configuration to an init that waits for ``start``.

Reads top to bottom. Nothing exists that the disk does not name: the state is saved before the first cgroup, process or
mount is made. Whatever fails, everything is taken back and one error remains.
"""

from __future__ import annotations

import errno
import os

from libcgroups.manager import ControllerOpt
from libcgroups.record import Record
from libcontainer import (
    capabilities,
    cgroups,
    executor,
    log,
    namespaces,
    new_cgroup,
    notify_socket,
    pidfd,
    rfc3339,
    user_ns,
)
from libcontainer.container import state as state_module
from libcontainer.container import store
from libcontainer.errors import CgroupsError, LibcontainerError, ProcessDiedError, SpecError, SyscallError
from libcontainer.oci import json_text
from libcontainer.process import channel as channel_module
from libcontainer.process import child as child_module
from libcontainer.process import init, intermediate, pid_file, plan, steps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libcgroups.manager import CgroupManager, Entrance
    from libcgroups.resources import LinuxResources
    from libcontainer.container.state import ContainerState
    from libcontainer.executor import Executor
    from libcontainer.net_devices import MovedDevice, Mover
    from libcontainer.oci.spec import LinuxIDMapping, LinuxIntelRdt, Spec
    from libcontainer.process.channel import Channel, Message
    from libcontainer.process.plan import CreateOptions, Plan
    from libcontainer.seccomp import Program
    from libcontainer.syscall import Syscall

_SIGKILL = 9
_DEATH_TIMEOUT_S = 10.0
_DYING_TIMEOUT_S = 1.0


class Created(Record):
    """A container that waits for ``start``.

    Attributes:
        state: what is on disk.
        directory: where; locked by this process until ``unlock``.
        pidfd: of init, owned by the caller.
        master: the terminal's master if the options keep it, else -1; owned by the caller.
    """

    state: ContainerState
    directory: store.ContainerDirectory
    pidfd: int
    master: int


def create(
    syscall: Syscall, options: CreateOptions, spec: Spec, config: bytes, executors: Sequence[Executor] = ()
) -> Created:
    """Create a container.

    Args:
        syscall: the kernel.
        options: what the caller says beside the bundle.
        spec: the configuration, validated.
        config: the text it came from, kept for later commands: changes to the file have no effect any more.
        executors: who may run the workload, tried in order before the ordinary execve(2).

    Raises:
        LibcontainerError: it could not be created, and nothing is left of it.
    """
    directory = store.ContainerDirectory(options.root, options.container_id)
    if options.notifies:
        from libcontainer import sd_notify

        spec = sd_notify.with_socket(spec, directory.path)
    manager = manager_of(options, spec)
    last_cap = capabilities.last_cap(syscall)
    workload = executor.first_that_can(spec, executors)
    made = plan.make(options, spec, manager, last_cap, _grantable(syscall, spec), workload)
    _preload(syscall, made)
    program = _filter_program(options, spec)
    directory.make()
    creation = _Creation(syscall, made, directory, manager, program, last_cap)
    try:
        return creation.run(config)
    except BaseException as error:
        creation.undo(error)
        raise


def manager_of(options: CreateOptions, spec: Spec) -> CgroupManager:
    """Choose the container's cgroup manager; nothing is touched."""
    return new_cgroup.choose(
        spec,
        options.container_id,
        rootless=options.rootless,
        systemd_cgroup=options.systemd_cgroup,
        disabled=options.no_cgroup,
    )


def _grantable(syscall: Syscall, spec: Spec) -> int:
    """Return the capabilities init will have to give: all of them in a user namespace, else those of this process."""
    if any(namespace.type == "user" for namespace in spec.linux.namespaces):
        return capabilities.ALL
    return syscall.capget()[1]


def _filter_program(options: CreateOptions, spec: Spec) -> Program | None:
    if spec.linux.seccomp is None:
        return None
    from libcontainer import seccomp

    store.make_root(options.root)
    program = seccomp.program(spec.linux.seccomp, f"{options.root}/.cache/seccomp")
    if program.skipped:
        from libcontainer import run_oci

        if run_oci.is_on(spec.annotations, run_oci.SECCOMP_FAIL_UNKNOWN):
            raise SpecError("linux.seccomp.syscalls", f"unknown system call {', '.join(program.skipped)}")
        log.debug("seccomp: libseccomp does not know %s", ", ".join(program.skipped))
    return program


def _preload(syscall: Syscall, made: Plan) -> None:
    """Import what init will need and only some containers do: after the seal there is no import."""
    spec, process = made.spec, made.process
    steps.preload(syscall, process, spec.linux.personality, spec.linux.memory_policy)
    if made.executor is not None:
        import libcontainer.signals
    if "network" in made.new_types:
        import libcontainer.network
    if spec.hooks is not None:
        import libcontainer.hooks
    if process.terminal:
        import libcontainer.tty
    if spec.linux.mount_label:
        from libcontainer import selinux

        selinux.require_enabled(syscall, "linux.mountLabel")
    if spec.linux.sysctl:
        import libcontainer.sysctl  # noqa: F401


class _Creation:
    """One attempt to create a container, and what it has made so far."""

    def __init__(
        self,
        syscall: Syscall,
        made: Plan,
        directory: store.ContainerDirectory,
        manager: CgroupManager,
        program: Program | None,
        last_cap: int,
    ) -> None:
        self.syscall = syscall
        self.plan = made
        self.options = made.options
        self.spec = made.spec
        self.directory = directory
        self.manager = manager
        self.resources = new_cgroup.resources_of(made.spec, rootless=made.options.rootless)
        self.program = program
        self.last_cap = last_cap
        self.state = first_state(made.options, made.spec, made.rootfs, manager)
        self.pid = 0
        self.pidfd = -1
        self.channel: Channel | None = None
        self.master = -1
        self.is_ready = False
        self.net_mover: Mover | None = None
        self.moved_net_devices: Sequence[MovedDevice] = ()

    def run(self, config: bytes) -> Created:
        self.directory.save(self.state)
        self.directory.write(store.CONFIG_FILE, config)
        if self.options.notifies:
            from libcontainer import sd_notify

            sd_notify.make_directory(self.directory.path)
        handles = self._open_handles()
        with cgroups.translated("cgroup create"):
            log.debug("create cgroup %s", self.options.container_id)
            self.manager.create(self.resources)
            if self.options.rootless:
                self.plan = plan.with_cgroup(self.plan, self.manager)
                self.state = self.state.replace(cgroup=self.manager.state(), freezer=cgroups.freezer_file(self.manager))
        try:
            self._bring_up(handles)
        except SyscallError as error:
            if error.errno in (errno.ENOMEM, errno.ENOSPC):  # a tmpfs that gets no memory is full
                from libcontainer.process import out_of_memory

                out_of_memory.explain(error, self.manager, self.resources)
            raise
        except (ProcessDiedError, CgroupsError) as error:
            if self.channel is None or not self.pid or not pidfd.wait_for_exit(self.pidfd, _DYING_TIMEOUT_S):
                raise
            while self.channel.receive() is not None:  # what init has said comes first: this raises it
                pass
            raise self._died() from error
        self._hand_out_pid()
        self.state = self.state.replace(status=state_module.CREATED)
        self.directory.save(self.state)
        if self.net_mover is not None:
            self.net_mover.close()
        return Created(self.state, self.directory, self.pidfd, self.master)

    def _bring_up(self, handles: init.Handles) -> None:
        """Clone init, put it into its cgroup, and attend to it until it waits for start."""
        with cgroups.translated("cgroup join"):
            entrance = self.manager.open_entrance()
        try:
            if entrance is not None:
                # Init's memory counts from its first page: a limit that it exceeds by then would be refused.
                apply_limits(self.manager, self.resources)
            channel = self._clone(handles.replace(entrance=entrance, is_moved=entrance is None))
        finally:
            if entrance is not None:
                entrance.close()
        if self.state.pid != self.pid:
            self._save_pid(self.pid)
        self._set_oom_score()
        # While init mounts.
        if entrance is None:
            join(self.manager, self.pid)
            apply_limits(self.manager, self.resources)
            channel.send(channel_module.CGROUP_JOINED)
        if self.spec.linux.intel_rdt is not None:
            self.state = limit_cache(self.spec.linux.intel_rdt, self.state, self.pid)
            self.directory.save(self.state)
        self._attend(channel)
        channel.close()
        if not self.is_ready or pidfd.has_ended(self.pid):
            raise self._died()

    def _save_pid(self, pid: int) -> None:
        self.state = self.state.replace(pid=pid, pid_start_time=pidfd.start_time(pid) or 0)
        self.directory.save(self.state)

    def _open_handles(self) -> init.Handles:
        """Open what init inherits, but for its channel and what leads into the cgroup."""
        made, options = self.plan, self.options
        late = self.program if made.process.no_new_privileges and not made.stays_in_python else None
        console = -1
        if options.console_socket:
            from libcontainer import tty

            console = tty.connect_console_socket(options.console_socket)
        copies = (-1, -1)
        if self.spec.hooks is not None:
            from libcontainer import hooks

            copies = hooks.open_copies(self.spec.annotations)
        return init.Handles(
            listener=notify_socket.listen(self.syscall, self.directory.path),
            stub=-1 if made.stays_in_python else executor.open_stub(),
            filter_file=-1 if late is None or late.listener else executor.memory_file("seccomp-filter", late.bpf),
            console=console,
            procfs=os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC),
            joined=namespaces.open_paths(self.syscall, self.spec.linux.namespaces),
            outside=made.rootfs_plan.prepare_outside(self.syscall, self._user_namespace_for),
            hook_copies=copies,
        )

    def _user_namespace_for(
        self, uid_mappings: Sequence[LinuxIDMapping], gid_mappings: Sequence[LinuxIDMapping]
    ) -> int:
        """Return a descriptor of a user namespace with the mappings, for an idmapped mount."""
        from libcontainer.process import mapped_namespace

        return mapped_namespace.make(self.syscall, uid_mappings, gid_mappings)

    def _clone(self, handles: init.Handles) -> Channel:
        """Clone init, directly where that is possible, and return the channel to it; sets channel, pid and pidfd."""
        log.debug("clone init (flags=%#x, intermediate=%s)", self.plan.clone_flags, self.plan.needs_intermediate)
        successor = self._successor(handles)
        who = "the container's init"
        ours, its = channel_module.mailbox(who) if successor else channel_module.pair("the runtime", who)
        self.channel = ours
        if self.plan.needs_intermediate:
            self._clone_through_intermediate(handles, ours, its)
        else:

            def run(pid: int) -> None:
                if pid:
                    # Main waits. It may be killed meanwhile, and what it leaves behind must be known.
                    self._save_pid(pid)
                self._forget_main(ours)
                self._init(handles, its).run()

            self.pid, self.pidfd = self._spawn(run, self.plan.clone_flags, handles.entrance, successor)
            if "user" in self.plan.new_types:
                self._map_ids(self.pid, ours)
        its.close()
        _close(handles)
        return ours

    def _successor(self, handles: init.Handles) -> Sequence[str]:
        """Return the caller's, so that init shares our memory, unless init needs us before it waits for start."""
        hooks = self.spec.hooks
        needs_main = (
            not child_module.can_share_memory(self.syscall, handles.entrance, self.program)
            or self.plan.needs_intermediate
            or self.plan.has_user_namespace
            or self.plan.stays_in_python
            or self.spec.linux.net_devices
            or (self.plan.process.terminal and handles.console < 0)
            or (hooks is not None and (hooks.prestart or hooks.create_runtime or hooks.create_container))
        )
        return () if needs_main else self.options.successor

    def _spawn(
        self, run: Callable[[int], object], clone_flags: int, entrance: Entrance | None, successor: Sequence[str] = ()
    ) -> tuple[int, int]:
        try:
            return child_module.spawn(self.syscall, run, clone_flags, entrance, successor)
        except OSError as error:
            raise _cannot_clone(error) from None

    def _init(self, handles: init.Handles, channel: Channel) -> init.Init:
        return init.Init(self.syscall, self.plan, handles, channel, self.state, self.program, self.last_cap)

    def _forget_main(self, ours: Channel) -> None:
        """Close, in a child, its copies of what tells that main lives: its end of the channel, and the lock."""
        ours.drop()
        self.directory.drop_lock()

    def _clone_through_intermediate(self, handles: init.Handles, ours: Channel, its: Channel) -> None:
        mine, intermediates = channel_module.pair("the runtime", "the intermediate process")
        joined, entrance = handles.joined, handles.entrance

        def run(_: int) -> None:
            mine.drop()
            self._forget_main(ours)
            init_run = self._init(handles.replace(joined=[], entrance=None), its).run
            intermediate.run(self.syscall, self.plan, intermediates, joined, entrance, init_run)

        child, child_pidfd = self._spawn(run, 0, entrance)
        intermediates.close()
        try:
            while (message := mine.receive()) is not None and message.kind != channel_module.INIT_FORKED:
                self._map_ids(child, mine)
            if message is None:
                raise ProcessDiedError("the intermediate process ended unexpectedly")
            self.pid = message.number("pid")
            self.pidfd = message.fds[0]
        except ProcessDiedError:
            from libcontainer.process import death

            raise death.explain("the intermediate process", child, "the container's init was cloned") from None
        finally:
            mine.close()
            pidfd.reap(child)
            os.close(child_pidfd)

    def _map_ids(self, pid: int, channel: Channel) -> None:
        linux = self.spec.linux
        log.debug("map ids of %d", pid)
        user_ns.write_maps(pid, linux.uid_mappings, linux.gid_mappings)
        channel.send(channel_module.IDS_MAPPED)

    def _set_oom_score(self) -> None:
        score = self.plan.process.oom_score_adj
        if score is not None:
            steps.set_oom_score(self.pid, score, is_rootless=self.options.rootless)

    def _attend(self, channel: Channel) -> None:
        """Do for init what only main can, until it waits for start: its end of the channel closes by exec."""
        while True:
            message = channel.receive()
            if message is None:
                break
            log.debug("init: %s", message.kind)
            if message.kind == channel_module.READY:
                self.is_ready = True
                self.state = self.state.replace(executable=str(message.values.get("executable", "")))
            else:
                self._serve(message, channel)

    def _serve(self, message: Message, channel: Channel) -> None:
        if message.kind == channel_module.ROOT_MOUNTED:
            run_runtime_hooks(self.syscall, self.spec, self.state, self.pid)
            channel.send(channel_module.RUNTIME_HOOKS_DONE)
        elif message.kind == channel_module.CONSOLE:
            self.master = message.fds[0]
        elif message.kind == channel_module.MOVE_NET_DEVICES:
            self._move_net_devices()
            channel.send(channel_module.DONE)
        else:
            steps.serve(self.syscall, message, channel, self.spec, self.plan.process, self.state, self.pid)

    def _move_net_devices(self) -> None:
        from libcontainer import net_devices

        fd = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            # Open until the container is created: its socket keeps the namespace, should init die before.
            self.net_mover = net_devices.Mover(self.syscall, fd)
            self.moved_net_devices = self.net_mover.move_all(self.spec.linux.net_devices)
        finally:
            os.close(fd)

    def _bring_net_devices_back(self) -> None:
        if self.net_mover is None:
            return
        try:
            self.net_mover.bring_all_back(self.moved_net_devices)
        finally:
            self.net_mover.close()

    def _hand_out_pid(self) -> None:
        if self.options.pidfd_socket:
            pid_file.send_pidfd(self.options.pidfd_socket, self.pidfd, "standard")
        elif self.spec.annotations:
            from libcontainer import run_oci

            if receiver := self.spec.annotations.get(run_oci.PIDFD_RECEIVER):
                pid_file.send_pidfd(receiver, self.pidfd, "standard")
        if self.options.pid_file:
            pid_file.write(self.options.pid_file, self.pid)

    def _died(self) -> ProcessDiedError:
        from libcontainer.process import death

        step = "wait for start" if self.is_ready else None
        pid, self.pid = self.pid, 0
        before = "the container was created"
        return death.explain("the container's init", pid, before, self.manager, self.resources, step)

    def undo(self, error: BaseException) -> None:
        """Take everything back; what cannot be is told as a note to the error that is the reason."""
        do_all(
            error,
            ("bring the network devices back", self._bring_net_devices_back),
            ("kill init", self._kill_init),
            ("remove the cgroup", lambda: remove_cgroup(self.manager, self.state)),
            ("remove the pid file", self._remove_pid_file),
            ("run the poststop hooks", self._run_poststop_hooks),
            ("remove the state", self.directory.remove),
        )

    def _kill_init(self) -> None:
        if self.pidfd < 0:
            return
        if self.pid:
            pidfd.kill_child(self.pid, self.pidfd, _DEATH_TIMEOUT_S)
        os.close(self.pidfd)
        self.pidfd = -1

    def _remove_pid_file(self) -> None:
        if self.options.pid_file and self.is_ready and self.pid:
            try:
                os.unlink(self.options.pid_file)
            except FileNotFoundError:
                pass

    def _run_poststop_hooks(self) -> None:
        hooks = self.spec.hooks
        if hooks is not None and hooks.poststop:
            from libcontainer.container import delete

            delete.run_poststop_hooks(self.syscall, self.state, hooks.poststop)


def first_state(options: CreateOptions, spec: Spec, rootfs: str, manager: CgroupManager) -> ContainerState:
    """Return what is saved of a container before anything is made of it."""
    hooks, types = spec.hooks, spec.linux.namespaces
    return state_module.ContainerState(
        id=options.container_id,
        status=state_module.CREATING,
        bundle=options.bundle,
        rootfs=rootfs,
        created=rfc3339.now(),
        owner=os.geteuid(),
        oci_version=spec.oci_version,
        annotations=dict(spec.annotations),
        cgroup=manager.state(),
        freezer=cgroups.freezer_file(manager),
        namespaces=[namespace.type for namespace in types],
        has_private_pids="pid" in namespaces.new_types(types),
        hooks=[kind for kind in ("poststart", "poststop") if hooks is not None and getattr(hooks, kind)],
        rootless=options.rootless,
    )


def join(manager: CgroupManager, pid: int) -> None:
    """Put a process into the container's cgroup."""
    with cgroups.translated("cgroup join"):
        log.debug("join cgroup (pid=%d)", pid)
        manager.add_task(pid)


def apply_limits(manager: CgroupManager, resources: LinuxResources | None) -> None:
    """Apply the limits to the container's cgroup."""
    with cgroups.translated("cgroup limits"):
        manager.apply(ControllerOpt(resources=resources))


def limit_cache(wanted: LinuxIntelRdt, state: ContainerState, pid: int) -> ContainerState:
    """Limit a process's use of the processor's cache; returns the state with what was made for that."""
    from libcontainer import intel_rdt

    return state.replace(intel_rdt=intel_rdt.set_up(state.id, wanted, pid))


def remove_cgroup(manager: CgroupManager, state: ContainerState) -> None:
    """Remove what the manager and ``limit_cache`` have made; no process is in it any more."""
    with cgroups.translated("cgroup remove"):
        manager.remove()
    if state.intel_rdt:
        from libcontainer import intel_rdt

        intel_rdt.clean_up(state.intel_rdt)


def run_runtime_hooks(syscall: Syscall, spec: Spec, state: ContainerState, pid: int) -> None:
    """Run the prestart and createRuntime hooks: the namespaces are there, and the root is not entered yet.

    Raises:
        HookError: one failed, and the container is not to be.
    """
    if spec.hooks is None:
        return
    text = json_text.dumps(state_module.oci_state(state, state_module.CREATING, pid=pid)).encode()
    for kind, hooks in (("prestart", spec.hooks.prestart), ("createRuntime", spec.hooks.create_runtime)):
        if hooks:
            from libcontainer import hooks as hooks_module

            hooks_module.run_outside(syscall, hooks, text, kind=kind, cwd=state.bundle, annotations=spec.annotations)


def do_all(reason: BaseException, *acts: tuple[str, Callable[[], object]]) -> None:
    """Do every act of an undoing, whichever fails; that is told as a note to the error that is the reason."""
    for name, act in acts:
        try:
            act()
        except (LibcontainerError, OSError) as failure:
            reason.add_note(f"{name}: {failure}")


def _close(handles: init.Handles) -> None:
    """Close main's copies of what init has inherited."""
    fds = [handles.listener, handles.stub, handles.filter_file, handles.console, handles.procfs]
    fds += [fd for _, fd in handles.joined]
    fds += handles.outside.values()
    fds += handles.hook_copies
    for fd in fds:
        if fd >= 0:
            os.close(fd)


def _cannot_clone(error: OSError) -> SyscallError:
    hint = None
    if error.errno == errno.EPERM:
        hint = "unprivileged users need a user namespace in linux.namespaces (see spec --rootless)"
    elif error.errno in (errno.ENOSPC, errno.EUSERS):
        hint = "a limit of namespaces is reached: sysctl user.max_*_namespaces"
    elif error.errno == errno.EAGAIN:
        hint = "a limit of processes is reached: pids.max of the caller's cgroup, or RLIMIT_NPROC"
    return SyscallError(
        "clone the container's init",
        error.errno,
        step="clone",
        property="linux.namespaces",
        syscall="clone3",
        hint=hint,
    )
