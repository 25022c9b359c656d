"""Run another process in a container: main's side, and that of the one or two processes it takes; reads top to bottom.

The process is cloned into the container's pid namespace, which is entered by children only, setns(2), and enters the
cgroup and the other namespaces by itself. Into a user namespace a joiner goes first, as only there it has the right to
the rest, and where main itself is in one and could not come back from the pid namespace; it clones the process as its
sibling.
"""

from __future__ import annotations

import errno
import os

from libcgroups.record import Record
from libcontainer import capabilities, cgroups, descriptors, log, namespaces, pidfd, seal, stdio
from libcontainer.container import status
from libcontainer.container.state import CREATING, PAUSED, STOPPED
from libcontainer.errors import ArgumentError, ContainerStatusError, LibcontainerError, ProcessDiedError, SyscallError
from libcontainer.process import channel as channel_module
from libcontainer.process import child, steps
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from libcgroups.manager import CgroupManager, Entrance
    from libcontainer.capabilities import CapabilityMasks
    from libcontainer.container.state import ContainerState
    from libcontainer.container.store import ContainerDirectory
    from libcontainer.oci.spec import Process, Spec
    from libcontainer.process.channel import Channel
    from libcontainer.seccomp import Program
    from libcontainer.syscall import Syscall

    # Given what leads into the cgroup, main's end of the child's channel, and the child's own.
    Run = Callable[[Entrance | None, Channel, Channel], None]

_SIGKILL = 9
_DEATH_TIMEOUT_S = 5.0


class ExecOptions(Record):
    """What a caller says about a process beside the process itself.

    Attributes:
        root: directory of all containers.
        console_socket: socket that is sent the terminal's master, "" for none.
        pid_file: file that is given the pid, "" for none.
        pidfd_socket: socket that is sent a pidfd, "" for none.
        preserve_fds: number of descriptors from 3 on that the process gets.
        listen_fds: how many of these are sockets passed by systemd.
        ignores_paused: go on in a paused container; the process waits until it is resumed.
        sub_cgroups: existing cgroups below the container's to join, ``[controllers:]path``.
        is_detached: the caller will not wait for the process.
        successor: as in ``CreateOptions``.
    """

    root: str
    console_socket: str = ""
    pid_file: str = ""
    pidfd_socket: str = ""
    preserve_fds: int = 0
    listen_fds: int = 0
    ignores_paused: bool = False
    sub_cgroups: tuple[str, ...] = ()
    is_detached: bool = False
    successor: tuple[str, ...] = ()


class Executed(Record):
    """A process that runs in the container; a child of this process.

    Attributes:
        pid: seen from here.
        pidfd: owned by the caller.
        master: the terminal's master, -1 without a terminal or with a console socket; owned by the caller.
    """

    pid: int
    pidfd: int
    master: int


def execute(
    syscall: Syscall, directory: ContainerDirectory, spec: Spec, process: Process, options: ExecOptions
) -> Executed:
    """Run a process in the container and return when it has been executed.

    Args:
        syscall: the kernel.
        directory: the container.
        spec: its configuration, for what is the container's and not the process's.
        process: what to run, validated.
        options: what the caller says beside it.

    Raises:
        ContainerStatusError: the container is stopped, or paused.
        LibcontainerError: the process could not be executed.
    """
    state = directory.load()
    _check(directory, state, options, has_terminal=process.terminal)
    return _Execution(syscall, state, spec, process, options).run()


def _check(directory: ContainerDirectory, state: ContainerState, options: ExecOptions, *, has_terminal: bool) -> None:
    present = status.current(state, directory)
    if present in (STOPPED, CREATING):
        raise ContainerStatusError(f"cannot exec in a {present} container", object=state.id)
    if present == PAUSED and not options.ignores_paused:
        raise ContainerStatusError(
            "cannot exec in a paused container (use --ignore-paused to override)", object=state.id
        )
    if has_terminal and options.is_detached and not options.console_socket:
        raise ArgumentError(
            "cannot allocate tty if pyouki will detach without setting console socket",
            property="process.terminal",
            hint="give --console-socket, or leave out --tty",
        )
    if options.console_socket and not has_terminal:
        raise ArgumentError("cannot use console socket if pyouki will not detach or allocate tty", hint="add --tty")


class _Execution:
    """One run of exec; main's attributes are inherited by the processes it forks."""

    def __init__(
        self, syscall: Syscall, state: ContainerState, spec: Spec, process: Process, options: ExecOptions
    ) -> None:
        self.syscall = syscall
        self.state = state
        self.spec = spec
        self.process = process
        self.options = options
        self.last_cap = capabilities.last_cap(syscall)
        self.has_user_namespace = "user" in state.namespaces
        self.program = self._filter_program()
        self.masks = self._masks()
        self.keeps_groups = steps.keeps_groups(spec)
        self.procfs = -1
        self.root = -1
        self.console = -1
        self.master = -1
        self.pid = 0
        self.pidfd = -1
        self.step = "exec"

    def _filter_program(self) -> Program | None:
        section = self.spec.linux.seccomp
        if section is None:
            return None
        from libcontainer import seccomp

        return seccomp.program(section, f"{self.options.root}/.cache/seccomp")

    def _masks(self) -> CapabilityMasks:
        grantable = capabilities.ALL if self.has_user_namespace else self.syscall.capget()[1]
        masks, warnings = capabilities.masks(self.process.capabilities, self.last_cap, grantable)
        for warning in warnings:
            log.warning("%s", warning)
        return masks

    def run(self) -> Executed:
        linux = self.spec.linux
        steps.preload(self.syscall, self.process, linux.personality, linux.memory_policy)
        if self.process.terminal:
            from libcontainer import tty

            if self.options.console_socket:
                self.console = tty.connect_console_socket(self.options.console_socket)
        container = pidfd.open_process(self.state.pid, self.state.pid_start_time)
        if container is None:
            raise ContainerStatusError("cannot exec in a stopped container", object=self.state.id)
        joined = namespaces.open_of_process(self.state.pid, self.state.namespaces)
        self.root = self._open_shared_root()
        self.procfs = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            channel = self._clone(container, joined)
            self._set_oom_score()
            self._attend(channel)
            self._hand_out_pid()
        except BaseException:
            self._kill()
            raise
        finally:
            for fd in (self.procfs, self.console, self.root):
                if fd >= 0:
                    os.close(fd)
        return Executed(self.pid, self.pidfd, self.master)

    def _open_shared_root(self) -> int:
        """Return init's root if it is not that of its mount namespace, which others share; else -1."""
        if any(namespace.type == "mount" and not namespace.path for namespace in self.spec.linux.namespaces):
            return -1
        path = f"/proc/{self.state.pid}/root"
        try:
            return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise SyscallError(f"open {path}", error.errno, step="namespaces", object=path) from None

    def _clone(self, container: int, joined: list[tuple[str, int]]) -> Channel:
        """Clone the process, and return the channel to it; sets pid and pidfd."""
        entrance, home = None, -1
        try:
            with cgroups.translated("cgroup join"):
                manager = cgroups.of_container(self.state)
                entrance = self._open_entrance(manager)
            if not self.has_user_namespace:
                home = namespaces.open_home(self.syscall)
            if home < 0:
                return self._clone_through_joiner(container, joined, entrance, manager)
            return self._clone_directly(container, joined, home, entrance, manager)
        finally:
            if entrance is not None:
                entrance.close()
            for fd in (container, home, *(fd for _, fd in joined)):
                if fd >= 0:
                    os.close(fd)

    def _clone_directly(
        self,
        container: int,
        joined: list[tuple[str, int]],
        home: int,
        entrance: Entrance | None,
        manager: CgroupManager,
    ) -> Channel:
        """Clone the process into the pid namespace; it enters the others by itself."""
        others = [entry for entry in joined if entry[0] != "pid"]
        pid_namespace = next((fd for kind, fd in joined if kind == "pid"), home)

        def run(entrance: Entrance | None, ours: Channel, its: Channel) -> None:
            # A copy of main's end would keep the process from noticing its death.
            ours.drop()
            self._enter_and_become(container, others, entrance, its)

        # setns(2) refuses a time namespace to who shares memory, main must be sent a terminal, and who waits for a
        # container to be resumed may want to interrupt that.
        in_time_namespace = any(kind == "time" for kind, _ in others)
        sends_terminal = self.process.terminal and self.console < 0
        needs_main = in_time_namespace or sends_terminal or self.options.ignores_paused
        successor = () if needs_main else self.options.successor
        is_dumpable = self.syscall.prctl(flags.PR_GET_DUMPABLE) == 1
        # Those who are in the pid namespace already must not trace what is born there.
        self.syscall.prctl(flags.PR_SET_DUMPABLE, 0)
        try:
            with namespaces.of_children(self.syscall, pid_namespace, home):
                self.pid, self.pidfd, entrance, channel = self._spawn(run, "the process", entrance, successor)
        finally:
            if is_dumpable:
                self.syscall.prctl(flags.PR_SET_DUMPABLE, 1)
        if entrance is None:
            self._put_into_cgroup(manager, self.pid, channel)
        return channel

    def _clone_through_joiner(
        self,
        container: int,
        joined: list[tuple[str, int]],
        entrance: Entrance | None,
        manager: CgroupManager,
    ) -> Channel:
        """Let a joiner, which has the rights of the user namespace's root then, clone the process inside."""
        ours, its = channel_module.pair("the runtime", "the process")

        def run(entrance: Entrance | None, mine: Channel, joiners: Channel) -> None:
            mine.drop()
            ours.drop()
            self._join(container, joined, entrance, joiners, its)

        try:
            joiner, joiner_pidfd, entrance, mine = self._spawn(run, "the joining process", entrance)
        finally:
            its.close()
        try:
            if entrance is None:
                self._put_into_cgroup(manager, joiner, mine)
            message = mine.expect(channel_module.INIT_FORKED)
            self.pid, self.pidfd = message.number("pid"), message.fds[0]
        except ProcessDiedError:
            raise self._died("the joining process", joiner) from None
        except BaseException:
            pidfd.pidfd_send_signal(joiner_pidfd, _SIGKILL)
            raise
        finally:
            mine.close()
            pidfd.reap(joiner)
            os.close(joiner_pidfd)
        return ours

    def _open_entrance(self, manager: CgroupManager) -> Entrance | None:
        """Open what a child enters the cgroup by; None if main has to move it."""
        if self.options.sub_cgroups or self.process.exec_cpu_affinity is not None:
            return None
        return manager.open_entrance()

    def _spawn(
        self, run: Run, who: str, entrance: Entrance | None, successor: Sequence[str] = ()
    ) -> tuple[int, int, Entrance | None, Channel]:
        """Clone a child into the cgroup, or without an entrance if that is refused: then main has to move it.

        Returns:
            Its pid and pidfd, what it came in by, and main's end of the channel to it.
        """
        if entrance is not None:
            if not child.can_share_memory(self.syscall, entrance, self.program):
                successor = ()
            try:
                return self._spawn_by(run, who, entrance, successor)
            except OSError as error:
                # EBUSY: it hands controllers down; EAGAIN: its pids.max counts the child. Moving may still do.
                log.debug("clone into the cgroup: %s", error.strerror)
                entrance.close()
        try:
            return self._spawn_by(run, who, None)
        except OSError as error:
            raise SyscallError("clone the process", error.errno, step="clone", syscall="clone3") from None

    def _spawn_by(
        self, run: Run, who: str, entrance: Entrance | None, successor: Sequence[str] = ()
    ) -> tuple[int, int, Entrance | None, Channel]:
        ours, its = channel_module.mailbox(who) if successor else channel_module.pair("the runtime", who)
        try:
            return (
                *child.spawn(self.syscall, lambda _: run(entrance, ours, its), 0, entrance, successor),
                entrance,
                ours,
            )
        except OSError:
            ours.close()
            raise
        finally:
            its.close()

    def _put_into_cgroup(self, manager: CgroupManager, pid: int, channel: Channel) -> None:
        """Move a child that could not enter by itself, and tell it."""
        affinity = self.process.exec_cpu_affinity
        if affinity is not None and affinity.initial:
            from libcontainer import scheduling

            scheduling.set_affinity(self.syscall, affinity.initial, "process.execCPUAffinity.initial", pid)
        with cgroups.translated("cgroup join"):
            if self.options.sub_cgroups:
                from libcontainer.process import sub_cgroup

                sub_cgroup.join(manager, self.options.sub_cgroups, pid)
            else:
                self._add_to_cgroup(manager, pid)
        if affinity is not None and affinity.final:
            from libcontainer import scheduling

            scheduling.set_affinity(self.syscall, affinity.final, "process.execCPUAffinity.final", pid)
        channel.send(channel_module.CGROUP_JOINED)

    def _add_to_cgroup(self, manager: CgroupManager, pid: int) -> None:
        try:
            manager.add_task(pid)
        except Exception as error:
            if getattr(error, "errno", None) != errno.EBUSY:
                raise
            from libcontainer.process import sub_cgroup

            if not sub_cgroup.join_init(manager, self.state.pid, pid):
                raise

    def _join(
        self,
        container: int,
        joined: list[tuple[str, int]],
        entrance: Entrance | None,
        channel: Channel,
        its: Channel,
    ) -> NoReturn:
        """Be the joiner: enter the cgroup and the namespaces, clone the process, end."""
        from libcontainer.process import intermediate

        try:
            log.set_sink(channel.send_log if log.is_enabled(log.DEBUG) else None, log.DEBUG)
            # The container's processes see this one in its pid namespace only as a child's parent, but may trace it
            # where pids are shared.
            self.syscall.prctl(flags.PR_SET_DUMPABLE, 0)
            self._enter(container, joined, entrance, channel)
            if any(kind == "user" for kind, _ in joined):
                namespaces.become_root(self.syscall)
            pid, process_pidfd = intermediate.clone_sibling(self.syscall, 0)
            if pid == 0:
                channel.close()
                self._become(its)
                os._exit(1)
            channel.send(channel_module.INIT_FORKED, pid=pid, fds=[process_pidfd])
        except BaseException as error:  # noqa: BLE001 - main must hear of it and nobody else
            channel.send_error(steps.unexpected(error, "join the container"))
        finally:
            os._exit(0)

    def _enter_and_become(
        self, container: int, joined: list[tuple[str, int]], entrance: Entrance | None, channel: Channel
    ) -> None:
        """Be the process, from its birth in the pid namespace on; returns if that failed."""
        try:
            log.set_sink(channel.send_log if log.is_enabled(log.DEBUG) else None, log.DEBUG)
            self._enter(container, joined, entrance, channel)
            self._become(channel)
        except BaseException as error:  # noqa: BLE001 - as above
            channel.send_error(steps.unexpected(error, "join the container"))

    def _enter(
        self, container: int, joined: list[tuple[str, int]], entrance: Entrance | None, channel: Channel
    ) -> None:
        self.syscall.prctl(flags.PR_SET_PDEATHSIG, _SIGKILL)
        self.syscall.set_name("namespaces")
        cgroups.enter(entrance)
        seal.seal()
        _enter(self.syscall, container, joined)
        if self.root >= 0:
            self.syscall.fchdir(self.root)
            self.syscall.chroot(".")
        if entrance is None:
            channel.expect(channel_module.CGROUP_JOINED)

    def _become(self, channel: Channel) -> None:
        """Be the process: take on what it shall be and execute it; returns if that failed."""
        try:
            log.set_sink(channel.send_log if log.is_enabled(log.DEBUG) else None, log.DEBUG)
            self._at("stdio")
            self.syscall.prctl(flags.PR_SET_PDEATHSIG, _SIGKILL)
            self.syscall.setsid()
            self._join_keyring()
            if self.process.terminal:
                steps.open_console(self.syscall, self.process, channel, self.console, bind=False)
            else:
                root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
                stdio.reopen_null(self.syscall, root)
                os.close(root)
            path, variables = self._take_on(channel)
            self._at("exec")
            preserved = range(
                descriptors.FIRST, descriptors.FIRST + self.options.preserve_fds + self.options.listen_fds
            )
            self.syscall.default_signals()
            descriptors.close_all_but(self.syscall, [channel.fileno(), *preserved, *seal.hold()])
            late = self.program if self.process.no_new_privileges else None
            if late is not None and late.listener:
                steps.load_filter(self.syscall, late, lambda fd: steps.hand_over_listener(channel, fd))
            self.syscall.prctl(flags.PR_SET_PDEATHSIG, 0)
            channel.send(channel_module.READY, executable=path)
            if late is not None and not late.listener:
                steps.load_filter(self.syscall, late, os.close)
            self.syscall.execve(path, list(self.process.args or ()), variables)
        except BaseException as error:  # noqa: BLE001 - as above
            channel.send_error(steps.unexpected(error, self.step))

    def _take_on(self, channel: Channel) -> tuple[str, dict[str, str]]:
        process = self.process
        self._at("scheduling")
        linux = self.spec.linux
        steps.schedule(self.syscall, process, linux.personality, linux.memory_policy)
        self._at("rlimits")
        steps.set_rlimits(self.syscall, process, channel, has_user_namespace=self.has_user_namespace)
        self._at("labels")
        steps.set_labels(self.syscall, process, self.procfs)
        os.close(self.procfs)
        self._at("privileges")
        steps.enter_cwd(self.syscall, process.cwd, is_last=False)
        stdio.give_to(self.syscall, process.user.uid)
        steps.become(
            self.syscall,
            process,
            self.masks,
            self.last_cap,
            self.program,
            lambda fd: steps.hand_over_listener(channel, fd),
            keeps_groups=self.keeps_groups,
        )
        self._at("cwd")
        steps.enter_cwd(self.syscall, process.cwd, is_last=True)
        self.syscall.umask(0o022 if process.user.umask is None else process.user.umask)
        variables = steps.variables_of(process, self.options.listen_fds, os.getpid())
        self._at("exec")
        return steps.find_program(process, variables), variables

    def _join_keyring(self) -> None:
        try:
            self.syscall.keyctl_join_session_keyring(f"_ses.{self.state.id}")
        except OSError as error:
            log.debug("join the session keyring: %s", error.strerror)

    def _at(self, step: str) -> None:
        self.step = step
        self.syscall.set_name(step)
        log.debug("process: %s", step)

    def _attend(self, channel: Channel) -> None:
        """Do for the process what only main can, until it is executed: its end of the channel closes by that."""
        is_ready, executable = False, ""
        try:
            while (message := channel.receive()) is not None:
                if message.kind == channel_module.READY:
                    is_ready, executable = True, str(message.values.get("executable", ""))
                elif message.kind == channel_module.CONSOLE:
                    self.master = message.fds[0]
                else:
                    steps.serve(self.syscall, message, channel, self.spec, self.process, self.state, self.pid)
        except ProcessDiedError:
            raise self._died("the process", self.pid) from None
        except SyscallError as error:
            if not (is_ready and error.errno in (errno.ENOENT, errno.ENOEXEC, errno.EACCES)):
                raise
            raise self._explained(executable, error.errno) from None
        finally:
            channel.close()
        if not is_ready:
            raise self._died("the process", self.pid)

    def _died(self, who: str, pid: int) -> ProcessDiedError:
        from libcontainer.process import death

        with cgroups.translated("cgroup"):
            manager = cgroups.of_container(self.state)
        return death.explain(who, pid, "the program was executed", manager, self.spec.linux.resources)

    def _explained(self, path: str, number: int | None) -> LibcontainerError:
        from libcontainer import executable

        root = os.open(f"/proc/{self.state.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return executable.explain(self.syscall, root, path, number or errno.ENOENT, self.process.cwd)
        finally:
            os.close(root)

    def _set_oom_score(self) -> None:
        if self.process.oom_score_adj is not None:
            steps.set_oom_score(self.pid, self.process.oom_score_adj, is_rootless=self.state.rootless)

    def _hand_out_pid(self) -> None:
        from libcontainer.process import pid_file

        if self.options.pidfd_socket:
            pid_file.send_pidfd(self.options.pidfd_socket, self.pidfd, "setns")
        if self.options.pid_file:
            pid_file.write(self.options.pid_file, self.pid)

    def _kill(self) -> None:
        if self.pidfd < 0:
            return
        pidfd.kill_child(self.pid, self.pidfd, _DEATH_TIMEOUT_S)
        os.close(self.pidfd)
        self.pidfd = -1


def _enter(syscall: Syscall, container: int, joined: list[tuple[str, int]]) -> None:
    """Join the namespaces in one call where the kernel can, which also gets the order right with a user namespace."""
    try:
        syscall.setns(container, namespaces.clone_flags(kind for kind, _ in joined))
    except OSError as error:
        # setns(2) takes pidfds since Linux 5.8. EPERM: one of them belongs to the host, the rest to a user namespace.
        if error.errno not in (errno.EINVAL, errno.EPERM, errno.EBADF):
            raise SyscallError(
                "join the container's namespaces", error.errno, step="namespaces", syscall="setns"
            ) from None
        namespaces.join(syscall, joined)
        return
    for _, fd in joined:
        os.close(fd)
