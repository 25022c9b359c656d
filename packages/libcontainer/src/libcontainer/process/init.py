"""The container's init, from its first breath in the new namespaces to the program; reads top to bottom.

Everything that can fail is done here and told to main. Nothing is imported here that main has not imported before: the
import system is cut off before the container's files become reachable.
"""

from __future__ import annotations

import _signal
import os

from libcgroups.record import Record
from libcontainer import cgroups, descriptors, environment, executor, log, namespaces, seal, stdio
from libcontainer.oci import json_text
from libcontainer.process import channel as channel_module
from libcontainer.process import intermediate, steps
from libcontainer.rootfs.context import Context
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from libcgroups.manager import Entrance
    from libcontainer.container.state import ContainerState
    from libcontainer.process.channel import Channel
    from libcontainer.process.plan import Plan
    from libcontainer.seccomp import Program
    from libcontainer.syscall import Syscall

_SIGKILL = 9


class Handles(Record):
    """What main opened for init before the fork.

    Attributes:
        listener: the notify socket.
        stub: the waiting stage; -1 if init waits in Python.
        filter_file: the seccomp program for the stub, -1 for none.
        console: connected socket that is sent the terminal's master; -1 if main takes it, or there is none.
        procfs: ``/proc`` of the host.
        joined: namespaces that init joins itself, with their descriptors.
        outside: detached mounts that main prepared, by index in ``mounts``.
        entrance: what leads into the cgroup, None if the intermediate process has used it, or there is none.
        is_moved: main moves init into the cgroup and says so.
        hook_copies: files that the output of hooks is also written to, -1 for none.
    """

    listener: int
    stub: int
    filter_file: int
    console: int
    procfs: int
    joined: list[tuple[str, int]]
    outside: Mapping[int, int]
    entrance: Entrance | None = None
    is_moved: bool = False
    hook_copies: tuple[int, int] = (-1, -1)


class Init:
    """One run of init; the attributes are what its steps hand to each other."""

    def __init__(
        self,
        syscall: Syscall,
        plan: Plan,
        handles: Handles,
        channel: Channel,
        state: ContainerState,
        filter_program: Program | None,
        last_cap: int,
    ) -> None:
        self.syscall = syscall
        self.plan = plan
        self.handles = handles
        self.channel = channel
        self.state = state
        self.filter_program = filter_program
        self.last_cap = last_cap
        self.step = "start"
        self.is_in_cgroup = False

    def run(self) -> None:
        """Become the container; returns only if that failed, and never raises into the code that main was running."""
        try:
            log.set_sink(self.channel.send_log if log.is_enabled(log.DEBUG) else None, log.DEBUG)
            self._enter_namespaces()
            self._build_root()
            self._enter_root()
            self._become_the_process()
            path, variables = self._find_program()
            self._wait_and_execute(path, variables)
        except BaseException as error:  # noqa: BLE001 - whatever it is, main must hear of it and nobody else
            self.channel.send_error(steps.unexpected(error, self.step))

    def _enter_namespaces(self) -> None:
        self._at("namespaces")
        self.syscall.prctl(flags.PR_SET_PDEATHSIG, _SIGKILL)
        cgroups.enter(self.handles.entrance)
        if "user" in self.plan.new_types and not self.plan.needs_intermediate:
            self.channel.expect(channel_module.IDS_MAPPED)
        if self.plan.has_user_namespace:
            intermediate.become_root(self.syscall, self.plan)
        if "ipc" in self.plan.new_types and not self.plan.clone_flags & flags.CLONE_NEWIPC:
            self.syscall.unshare(flags.CLONE_NEWIPC)
        self.syscall.setsid()
        namespaces.join(self.syscall, self.handles.joined)
        if "network" in self.plan.new_types:
            self._set_up_network()

    def _set_up_network(self) -> None:
        from libcontainer import network

        self._at("network")
        network.bring_up_loopback(self.syscall)

    def _build_root(self) -> None:
        """Mount everything, in a mount namespace of our own; the host's paths are still in reach."""
        self._at("mount")
        self.context = Context(
            self.syscall,
            enter_cgroup_namespace=self._enter_cgroup,
            outside=self.handles.outside,
        )
        self.plan.rootfs_plan.prepare(self.context)
        self._enter_cgroup()
        if self.plan.spec.linux.net_devices:
            self._at("network devices")
            self.channel.send(channel_module.MOVE_NET_DEVICES)
            self.channel.expect(channel_module.DONE)
        hooks = self.plan.spec.hooks
        if hooks is not None and (hooks.prestart or hooks.create_runtime):
            self._at("runtime hooks")
            self.channel.send(channel_module.ROOT_MOUNTED)
            self.channel.expect(channel_module.RUNTIME_HOOKS_DONE)
        if hooks is not None and hooks.create_container:
            self._at("createContainer hooks")
            self._run_hooks("createContainer")

    def _enter_cgroup(self) -> None:
        """Make our cgroup, once we are in it, the root of our cgroup namespace."""
        if self.is_in_cgroup:
            return
        if self.handles.is_moved:
            self.channel.expect(channel_module.CGROUP_JOINED)
        if "cgroup" in self.plan.new_types:
            self.syscall.unshare(flags.CLONE_NEWCGROUP)
        self.is_in_cgroup = True

    def _run_hooks(self, kind: str) -> None:
        from libcontainer import hooks
        from libcontainer.container.state import oci_state

        spec_hooks = self.plan.spec.hooks
        assert spec_hooks is not None
        is_create = kind == "createContainer"
        status = "creating" if is_create else "created"
        hooks.run(
            self.syscall,
            spec_hooks.create_container if is_create else spec_hooks.start_container,
            json_text.dumps(oci_state(self.state, status, pid=os.getpid())).encode(),
            kind=kind,
            cwd=self.plan.rootfs if is_create else self.plan.process.cwd,
            environment=os.environ if is_create else environment.build(self.plan.process.env, 0),
            copies=self.handles.hook_copies,
        )

    def _enter_root(self) -> None:
        """Pivot into the container and finish its root; from here on every path is the container's."""
        self._at("pivot")
        self.syscall.umask(0)
        self.syscall.prctl(flags.PR_SET_DUMPABLE, 0)
        seal.seal()
        self.plan.rootfs_plan.enter(self.context)
        self._at("stdio")
        if self.plan.process.terminal:
            steps.open_console(self.syscall, self.plan.process, self.channel, self.handles.console, bind=True)
        else:
            stdio.reopen_null(self.syscall, self.context.root_fd)
        self._at("hostname")
        spec = self.plan.spec
        if spec.hostname:
            self.syscall.sethostname(spec.hostname)
        if spec.domainname:
            self.syscall.setdomainname(spec.domainname)
        if spec.linux.sysctl:
            from libcontainer import sysctl

            self._at("sysctl")
            sysctl.apply(self.syscall, self.handles.procfs, spec.linux.sysctl)
        self._at("finish the root file system")
        self.plan.rootfs_plan.finish(self.context)

    def _become_the_process(self) -> None:
        process, linux = self.plan.process, self.plan.spec.linux
        self._at("scheduling")
        steps.schedule(self.syscall, process, linux.personality, linux.memory_policy)
        self._at("rlimits")
        steps.set_rlimits(self.syscall, process, self.channel, has_user_namespace=self.plan.has_user_namespace)
        self._at("labels")
        steps.set_labels(self.syscall, process, self.handles.procfs)
        if not self.plan.options.no_new_keyring:
            # After the labels: the keyring gets the one that attr/keycreate has.
            self._at("keyring")
            steps.join_keyring(self.syscall, self.plan.options.container_id)
        self._at("cwd")
        self._make_cwd()
        steps.enter_cwd(self.syscall, process.cwd, is_last=False)
        self.context.close()
        self._at("privileges")
        stdio.give_to(self.syscall, process.user.uid)
        masks = self.plan.capabilities
        steps.become(
            self.syscall,
            process,
            masks,
            self.last_cap,
            self.filter_program,
            lambda fd: steps.hand_over_listener(self.channel, fd),
            keeps_groups=self.plan.keeps_groups,
        )
        self._at("cwd")
        steps.enter_cwd(self.syscall, process.cwd, is_last=True)
        self.syscall.umask(0o022 if process.user.umask is None else process.user.umask)

    def _make_cwd(self) -> None:
        """Make the working directory if it is missing, as root and with no more than the usual rights."""
        cwd = self.plan.process.cwd
        if os.path.isdir(cwd):
            return
        try:
            os.makedirs(cwd, 0o755, exist_ok=True)
        except OSError as error:
            log.debug("make cwd %s: %s", cwd, error.strerror)

    def _find_program(self) -> tuple[str, dict[str, str]]:
        self._at("exec")
        process = self.plan.process
        variables = steps.variables_of(process, self.plan.options.listen_fds, listen_pid=1)
        if self.plan.executor is not None:
            self.plan.executor.validate(self.plan.spec)
            return "", variables
        return steps.find_program(process, variables), variables

    def _wait_and_execute(self, path: str, variables: dict[str, str]) -> NoReturn:
        """Tell main that we are ready, wait for `start`, execute; an interpreter waits only when it is needed."""
        handles, options = self.handles, self.plan.options
        os.close(handles.procfs)
        if self.plan.stays_in_python:
            seal.take_into_memory()
        if self.plan.executor is None:
            self.syscall.default_signals()
        else:
            from libcontainer import signals

            signals.take_notice()
        preserved = range(descriptors.FIRST, descriptors.FIRST + options.preserve_fds + options.listen_fds)
        kept = [handles.listener, self.channel.fileno(), *preserved, *seal.hold()]
        kept += [fd for fd in (handles.stub, handles.filter_file, *handles.hook_copies) if fd >= 0]
        descriptors.close_all_but(self.syscall, kept)
        late = self.filter_program if self.plan.process.no_new_privileges else None
        if late is not None and (late.listener or self.plan.executor is not None):
            steps.load_filter(self.syscall, late, lambda fd: steps.hand_over_listener(self.channel, fd))
            late = None
        self.syscall.prctl(flags.PR_SET_PDEATHSIG, 0)
        self.channel.send(channel_module.READY, executable=os.path.join(self.plan.process.cwd, path))
        args = list(self.plan.process.args or ())
        if self.plan.stays_in_python:
            self.channel.close()
            self._wait_in_python(path, args, variables, late)
        for fd in (handles.listener, handles.filter_file):
            if fd >= 0:
                os.set_inheritable(fd, True)
        flags_text = str(late.flags) if late is not None else "0"
        filter_text = str(handles.filter_file) if late is not None else "-1"
        executor.execute_stub(
            self.syscall,
            handles.stub,
            ["container-init", str(handles.listener), filter_text, flags_text, path, *args],
            environment.lines(variables),
        )

    def _wait_in_python(self, path: str, args: list[str], variables: dict[str, str], late: Program | None) -> NoReturn:
        from libcontainer import notify_socket

        # Kept until the program is executed: by this name `start` knows that it was not.
        self.syscall.set_name(notify_socket.WAITING)
        connection = notify_socket.wait_for_start(self.handles.listener)
        is_answered = False
        try:
            hooks = self.plan.spec.hooks
            if hooks is not None and hooks.start_container:
                self.step = "startContainer hooks"
                # Of a hook that does not read its standard input the pipe breaks.
                _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
                self._run_hooks("startContainer")
            self.step = "exec"
            if self.plan.executor is not None:
                self._at("workload")
                os.close(connection)
                is_answered = True
                self.plan.executor.exec(self.plan.spec, variables)
            self.syscall.default_signals()
            if late is not None:
                steps.load_filter(self.syscall, late, os.close)
            self.syscall.execve(path, args, variables)
        except BaseException as error:  # noqa: BLE001 - `start` must hear of it, or else the log
            failure = steps.unexpected(error, self.step)
            answer = f"{failure}\n" if is_answered else json_text.dumps(failure.to_dict())
            try:
                os.write(2 if is_answered else connection, answer.encode(errors="replace"))
            except OSError:
                pass
        finally:
            os._exit(127)

    def _at(self, step: str) -> None:
        self.step = step
        self.syscall.set_name(step)
        log.debug("init: %s", step)
