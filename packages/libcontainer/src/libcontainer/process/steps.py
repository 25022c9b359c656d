"""The last steps of a process before its program, shared by init and exec, and what main does for it; not their order.

The order of ``become`` is the one that works (runc's too): the filter is loaded before privileges go when
noNewPrivileges is false, because loading needs CAP_SYS_ADMIN then, and as late as possible when it is true.
"""

from __future__ import annotations

import errno
import os

from libcontainer import capabilities, environment, log
from libcontainer.errors import LibcontainerError, SpecError, SyscallError
from libcontainer.process import channel as channel_module
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libcontainer.capabilities import CapabilityMasks
    from libcontainer.container.state import ContainerState
    from libcontainer.oci.spec import LinuxMemoryPolicy, LinuxPersonality, Process, Spec
    from libcontainer.process.channel import Channel, Message
    from libcontainer.seccomp import Program
    from libcontainer.syscall import Syscall

    TakeListener = Callable[[int], None]

# keyctl_setperm(3): what possessor and user may do, as runc grants it.
_KEYRING_PERMISSIONS = 0x3F130000 | 0x80000


def preload(
    syscall: Syscall,
    process: Process,
    personality: LinuxPersonality | None = None,
    memory_policy: LinuxMemoryPolicy | None = None,
) -> None:
    """Import what the steps of this process will need; called by main, before the fork and the seal.

    Raises:
        SpecError: a label is asked for and its security module is not there.
    """
    if process.scheduler or process.io_priority or process.exec_cpu_affinity:
        import libcontainer.scheduling
    if process.rlimits:
        import libcontainer.rlimits
    if process.apparmor_profile:
        from libcontainer import apparmor

        apparmor.require_enabled(process.apparmor_profile)
    if process.selinux_label:
        from libcontainer import selinux

        selinux.require_enabled(syscall, "process.selinuxLabel")
    if personality is not None:
        import libcontainer.personality
    if memory_policy is not None:
        import libcontainer.memory_policy  # noqa: F401


def keeps_groups(spec: Spec) -> bool:
    """Tell whether an annotation lets the container's processes keep the groups of the caller."""
    if not spec.annotations:
        return False
    from libcontainer import run_oci

    return run_oci.is_on(spec.annotations, run_oci.KEEP_ORIGINAL_GROUPS)


def schedule(
    syscall: Syscall,
    process: Process,
    personality: LinuxPersonality | None = None,
    memory_policy: LinuxMemoryPolicy | None = None,
) -> None:
    """Set scheduler, I/O priority, personality and memory policy, as far as the configuration has them."""
    if process.scheduler is not None:
        from libcontainer import scheduling

        scheduling.set_scheduler(syscall, process.scheduler)
    if process.io_priority is not None:
        from libcontainer import scheduling

        scheduling.set_io_priority(syscall, process.io_priority)
    if personality is not None:
        from libcontainer import personality as personality_module

        personality_module.apply(syscall, personality)
    if memory_policy is not None:
        from libcontainer import memory_policy as memory_policy_module

        memory_policy_module.apply(syscall, memory_policy)


def set_rlimits(syscall: Syscall, process: Process, channel: Channel, *, has_user_namespace: bool) -> None:
    """Set the resource limits of the calling process.

    Main does it for the root of a user namespace: the rights over limits are those of the host, which it does not have.
    """
    if not process.rlimits:
        return
    if has_user_namespace:
        channel.send(channel_module.SET_RLIMITS)
        channel.expect(channel_module.DONE)
        return
    from libcontainer import rlimits

    rlimits.set_all(syscall, process.rlimits)


def join_keyring(syscall: Syscall, container_id: str) -> None:
    """Leave the session keyring of the caller for a new one, keyrings(7); kernels and filters without any are forgiven.

    Raises:
        SyscallError: the user may not have another key.
    """
    try:
        key = syscall.keyctl_join_session_keyring(f"_ses.{container_id}")
        syscall.keyctl_setperm(key, _KEYRING_PERMISSIONS)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EACCES):
            raise SyscallError(
                "join a session keyring",
                error.errno,
                step="keyring",
                syscall="keyctl",
                hint="the user's quota of keys is used up: see /proc/key-users; --no-new-keyring does without",
            ) from None


def set_oom_score(pid: int, score: int, *, is_rootless: bool) -> None:
    """Set how willingly the kernel kills a process when memory runs out, proc_pid_oom_score_adj(5); by main.

    Raises:
        SyscallError: the kernel refused; a rootless caller is forgiven a score that is lower than it may set.
    """
    try:
        fd = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, str(score).encode())
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno == errno.EACCES and is_rootless:
            log.debug("oom_score_adj stays as it is: lowering it to %d needs CAP_SYS_RESOURCE", score)
            return
        raise SyscallError(
            f"set oom_score_adj to {score}",
            error.errno,
            step="oom score",
            property="process.oomScoreAdj",
            object=f"/proc/{pid}/oom_score_adj",
            hint="lowering the score needs CAP_SYS_RESOURCE",
        ) from None


def set_labels(syscall: Syscall, process: Process, procfs: int) -> None:
    """Set the AppArmor profile and the SELinux label that the next exec takes on.

    Args:
        procfs: descriptor of a procfs that no container can have tampered with.
    """
    if process.apparmor_profile:
        from libcontainer import apparmor

        apparmor.apply_profile(syscall, procfs, process.apparmor_profile)
    if process.selinux_label:
        from libcontainer import selinux

        selinux.apply_label(syscall, procfs, process.selinux_label)


def become(
    syscall: Syscall,
    process: Process,
    masks: CapabilityMasks,
    last_cap: int,
    filter_program: Program | None,
    take_listener: TakeListener,
    *,
    keeps_groups: bool = False,
) -> None:
    """Give up what the process shall not have: filter (without noNewPrivileges), capabilities, ids.

    ``keeps_groups`` leaves it the groups of the caller, which an unprivileged one could not get back.
    """
    if process.no_new_privileges:
        _prctl(syscall, "set no_new_privs", flags.PR_SET_NO_NEW_PRIVS, 1)
    elif filter_program is not None:
        load_filter(syscall, filter_program, take_listener)
    capabilities.drop_bounding(syscall, masks.bounding, last_cap)
    _prctl(syscall, "keep capabilities", flags.PR_SET_KEEPCAPS, 1)
    set_ids(syscall, process, keeps_groups=keeps_groups)
    _prctl(syscall, "keep capabilities no more", flags.PR_SET_KEEPCAPS, 0)
    capabilities.apply(syscall, masks)


def set_ids(syscall: Syscall, process: Process, *, keeps_groups: bool = False) -> None:
    """Take on the groups and ids of process.user."""
    user = process.user
    if not keeps_groups:
        _set_groups(syscall, user.additional_gids)
    try:
        syscall.setresgid(user.gid)
    except OSError as error:
        raise _unmapped("gid", user.gid, error) from None
    try:
        syscall.setresuid(user.uid)
    except OSError as error:
        raise _unmapped("uid", user.uid, error) from None


def _set_groups(syscall: Syscall, groups: Sequence[int]) -> None:
    try:
        syscall.setgroups(list(groups))
    except OSError as error:
        # An unprivileged user namespace has given up setgroups(2); that it is missing matters only to who asked.
        if error.errno == errno.EPERM and not groups:
            return
        raise SyscallError(
            f"set the additional groups {list(groups)}",
            error.errno,
            step="ids",
            property="process.user.additionalGids",
            syscall="setgroups",
            hint="map the groups in linux.gidMappings; a rootless container cannot have any",
        ) from None


def _unmapped(kind: str, number: int, error: OSError) -> SyscallError:
    return SyscallError(
        f"become {kind} {number}",
        error.errno,
        step="ids",
        property=f"process.user.{kind}",
        syscall=f"setres{kind}",
        hint=f"{kind} {number} is not mapped in linux.{kind}Mappings" if error.errno == errno.EINVAL else None,
    )


def load_filter(syscall: Syscall, program: Program, take_listener: TakeListener) -> None:
    """Load the seccomp filter; a listener's descriptor is handed to ``take_listener``, which closes it."""
    from libcontainer import seccomp

    fd = seccomp.initialize_seccomp(syscall, program)
    if fd is not None:
        take_listener(fd)


def enter_cwd(syscall: Syscall, cwd: str, *, is_last: bool) -> None:
    """Change to the working directory; tried before and after the change of ids, for either may be the one allowed.

    Raises:
        SyscallError: the last attempt failed.
        SpecError: the directory is outside of the container, as a leaked descriptor's would be.
    """
    try:
        syscall.chdir(cwd)
    except OSError as error:
        if not is_last:
            return
        raise SyscallError(
            f"chdir to cwd ({cwd!r}) set in config.json failed",
            error.errno,
            step="cwd",
            property="process.cwd",
            syscall="chdir",
            object=cwd,
        ) from None
    try:
        inside = os.getcwd().startswith("/")
    except OSError:
        inside = False
    if not inside:
        raise SpecError("process.cwd", f"{cwd}: current working directory is outside of container mount namespace root")


def open_console(syscall: Syscall, process: Process, channel: Channel, console: int, *, bind: bool) -> None:
    """Put the process on a terminal of its own, and send the master to the client, or to main if there is none.

    Args:
        syscall: the kernel.
        process: what the terminal is for.
        channel: to main.
        console: connected socket of the client, which is closed; -1 for none.
        bind: the terminal becomes the container's /dev/console.
    """
    from libcontainer import tty

    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    master, name = tty.setup_console(syscall, root, process.console_size, bind=bind)
    os.close(root)
    if console >= 0:
        tty.send_master(console, master, name)
        os.close(console)
    else:
        channel.send(channel_module.CONSOLE, fds=[master])
    os.close(master)


def hand_over_listener(channel: Channel, fd: int) -> None:
    """Give the seccomp listener to main, who gives it to the agent; wait, for the next call may already ask it."""
    try:
        channel.send(channel_module.SECCOMP_FD, fds=[fd])
    finally:
        os.close(fd)
    channel.expect(channel_module.DONE)


def variables_of(process: Process, listen_fds: int, listen_pid: int) -> dict[str, str]:
    """Return the environment of the program; with sockets passed by systemd, what sd_listen_fds(3) wants."""
    variables = environment.build(process.env, process.user.uid)
    if listen_fds:
        variables["LISTEN_FDS"] = str(listen_fds)
        variables["LISTEN_PID"] = str(listen_pid)
    return variables


def find_program(process: Process, variables: dict[str, str]) -> str:
    """Return the path of the program, looked for as the shell does.

    Raises:
        ExecutableError: there is none, or it may not be executed.
    """
    args = process.args or ("",)
    return environment.find_executable(args[0], variables.get("PATH"), process.cwd)


def serve(
    syscall: Syscall, message: Message, channel: Channel, spec: Spec, process: Process, state: ContainerState, pid: int
) -> None:
    """Do, as main, what a process in one of its last steps asks for.

    Raises:
        LibcontainerError: it could not be done, or nobody knows the message.
    """
    if message.kind == channel_module.SECCOMP_FD and spec.linux.seccomp is not None:
        from libcontainer.process import seccomp_listener

        seccomp_listener.send(spec.linux.seccomp, state, pid, message.fds[0])
    elif message.kind == channel_module.SET_RLIMITS:
        from libcontainer import rlimits

        rlimits.set_all(syscall, process.rlimits, pid)
    else:
        raise LibcontainerError(f"{channel.peer} sent {message.kind!r}")
    channel.send(channel_module.DONE)


def _prctl(syscall: Syscall, what: str, option: int, value: int) -> None:
    try:
        syscall.prctl(option, value)
    except OSError as error:
        raise SyscallError(what, error.errno, step="ids", syscall="prctl") from None


def unexpected(error: BaseException, step: str) -> LibcontainerError:
    """Turn whatever a child came upon into an error that crosses to main."""
    if isinstance(error, LibcontainerError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
        return SyscallError(
            f"{step} {name}" if name else step,
            error.errno,
            step=step,
            syscall=getattr(error, "syscall", None),
            object=name,
        )
    return LibcontainerError(f"{step}: {type(error).__name__}: {error}", step=step)
