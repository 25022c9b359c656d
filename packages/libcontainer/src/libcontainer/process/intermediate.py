"""The process between main and init, for what must happen before init can be cloned; it lives for a moment.

It joins foreign namespaces, enters a new user namespace whose maps main writes, sets the clocks of a new time
namespace, and clones init as its sibling, so that main is the parent of both.
"""

from __future__ import annotations

import errno
import os

from libcontainer import cgroups, namespaces, user_ns
from libcontainer.errors import LibcontainerError, SyscallError
from libcontainer.process import channel as channel_module
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from libcgroups.manager import Entrance
    from libcontainer.process.channel import Channel
    from libcontainer.process.plan import Plan
    from libcontainer.syscall import Syscall


def run(
    syscall: Syscall,
    plan: Plan,
    channel: Channel,
    joined: list[tuple[str, int]],
    entrance: Entrance | None,
    start_init: Callable[[], None],
) -> NoReturn:
    """Enter the cgroup, prepare, clone init (which runs ``start_init``), report its pid, end. Errors go to main."""
    try:
        _call(syscall.prctl, "die with main", flags.PR_SET_PDEATHSIG, 9)
        cgroups.enter(entrance)
        _prepare(syscall, plan, channel, joined)
        pid, pidfd = clone_sibling(syscall, plan.clone_flags)
        if pid == 0:
            start_init()
            os._exit(1)
        channel.send(channel_module.INIT_FORKED, pid=pid, fds=[pidfd])
    except LibcontainerError as error:
        channel.send_error(error)
    except OSError as error:
        channel.send_error(SyscallError("prepare the namespaces", error.errno, step="namespaces"))
    finally:
        os._exit(0)


def _prepare(syscall: Syscall, plan: Plan, channel: Channel, joined: list[tuple[str, int]]) -> None:
    syscall.set_name("namespaces")
    namespaces.join(syscall, joined)
    if "user" in plan.new_types:
        _call(syscall.unshare, "make a user namespace", flags.CLONE_NEWUSER)
        syscall.set_name("map ids")
        channel.send(channel_module.MAP_IDS)
        channel.expect(channel_module.IDS_MAPPED)
    if plan.has_user_namespace:
        become_root(syscall, plan)
    if "time" in plan.new_types:
        syscall.set_name("time namespace")
        _call(syscall.unshare, "make a time namespace", flags.CLONE_NEWTIME)
        _write_time_offsets(plan)


def become_root(syscall: Syscall, plan: Plan) -> None:
    """Take the ids 0 of the user namespace just entered, if it has them: what is made from here on belongs to them."""
    linux = plan.spec.linux
    is_joined = "user" not in plan.new_types
    try:
        if is_joined or user_ns.has_root(linux.gid_mappings):
            syscall.setresgid(0)
        if is_joined or user_ns.has_root(linux.uid_mappings):
            syscall.setresuid(0)
    except OSError as error:
        if not is_joined:
            raise SyscallError("become root of the user namespace", error.errno, step="map_ids") from None
    # The change of ids has taken our own /proc/self away from us; the seal closes it again.
    syscall.prctl(flags.PR_SET_DUMPABLE, 1)


def clone_sibling(syscall: Syscall, clone_flags: int) -> tuple[int, int]:
    """Clone a child of our parent, so that main can wait for it; returns as clone3 does."""
    try:
        return syscall.clone3(clone_flags | flags.CLONE_PARENT)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise _clone_error(error) from None
    # The init of a pid namespace may not have siblings made for it; an orphan comes to it all the same, clone(2).
    try:
        return syscall.clone3(clone_flags)
    except OSError as error:
        raise _clone_error(error) from None


def _clone_error(error: OSError) -> SyscallError:
    return SyscallError(
        "clone the container's init", error.errno, step="clone", property="linux.namespaces", syscall="clone3"
    )


def _write_time_offsets(plan: Plan) -> None:
    offsets = plan.spec.linux.time_offsets
    if offsets is None:
        return
    for clock, offset in (("boottime", offsets.boottime), ("monotonic", offsets.monotonic)):
        if offset is None:
            continue
        try:
            fd = os.open("/proc/self/timens_offsets", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, f"{clock} {offset.secs} {offset.nanosecs}\n".encode())
            finally:
                os.close(fd)
        except OSError as error:
            raise SyscallError(
                f"set the {clock} clock {offset.secs} s off",
                error.errno,
                step="time_offsets",
                property=f"linux.timeOffsets.{clock}",
                object="timens_offsets",
            ) from None


def _call(call: Callable[..., object], what: str, *arguments: int) -> None:
    try:
        call(*arguments)
    except OSError as error:
        raise SyscallError(
            what,
            error.errno,
            step="namespaces",
            property="linux.namespaces",
            syscall=getattr(error, "syscall", None),
            hint="user namespaces may be forbidden here: sysctl user.max_user_namespaces"
            if error.errno in (errno.EPERM, errno.ENOSPC)
            else None,
        ) from None
