"""Attach mounts to a container that runs, and detach them; those of its creation are ``rootfs``'s.

A helper joins the container's namespaces. What comes from the host is cloned before, detached, and every path inside
is resolved below the container's root, by descriptor.
"""

from __future__ import annotations

import errno
import os

from libcontainer import namespaces, pidfd, seal
from libcontainer.container import status, store
from libcontainer.container.state import CREATED, PAUSED, RUNNING
from libcontainer.errors import ContainerStatusError, LibcontainerError, SpecError, syscall_error
from libcontainer.oci import decode, json_text, load
from libcontainer.oci.spec import Mount
from libcontainer.oci.validate import validate
from libcontainer.process import channel as channel_module
from libcontainer.process import steps
from libcontainer.rootfs import copy_up, inside, mounts, options, outside
from libcontainer.rootfs.context import Context
from libcontainer.rootfs.plan import OutsideMount
from libcontainer.syscall import flags

__all__ = ["add", "read", "remove"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from libcontainer.container.state import ContainerState
    from libcontainer.container.store import ContainerDirectory
    from libcontainer.oci.spec import Spec
    from libcontainer.process.channel import Channel
    from libcontainer.rootfs.mounts import BindMount, MountFilesystem
    from libcontainer.syscall import Syscall

_PRELOADED = copy_up  # imported on first use elsewhere, and after the seal nothing can be
_AT_CREATION_ONLY = {"proc": "pid", "cgroup": "cgroup", "cgroup2": "cgroup"}


def read(path: str) -> list[Mount]:
    """Read a JSON array of mounts.

    Raises:
        SpecError: the file cannot be read, or is something else.
    """
    try:
        items = json_text.loads_untrusted(load.read(path))
    except ValueError as error:
        raise SpecError("", f"read {path}: {error}") from None
    if not isinstance(items, list):
        raise SpecError("", f"read {path}: expected an array of mounts")
    return [decode.decode(Mount, item, f"mounts[{index}]") for index, item in enumerate(items)]


def add(syscall: Syscall, directory: ContainerDirectory, wanted: Sequence[Mount]) -> None:
    """Attach mounts, all or none; the container must be locked.

    Raises:
        ContainerStatusError: the container is not running.
        SpecError: a mount is wrong, or of a kind that only a new container can get.
        SyscallError: the kernel refused one; those before it are detached again.
    """
    state, spec = _load(directory)
    validate(spec.replace(mounts=tuple(wanted)))
    operations = [_plan(state, index, mount) for index, mount in enumerate(wanted)]
    prepared = _prepare(syscall, spec, wanted, operations)

    try:
        _inside(syscall, state, prepared, lambda tree: tree.attach_all(operations))
    finally:
        for fd in prepared.values():
            os.close(fd)
    _remember(directory, added=wanted)


def remove(syscall: Syscall, directory: ContainerDirectory, unwanted: Sequence[Mount]) -> None:
    """Detach what is mounted at the destinations, the last mount first; the container must be locked.

    A process that uses a mount keeps it until it lets go, umount2(2) with MNT_DETACH. Only destinations count.

    Raises:
        ContainerStatusError: the container is not running.
        SyscallError: nothing is mounted at a destination.
    """
    state, _ = _load(directory)
    for index, mount in enumerate(unwanted):
        if _normal(mount.destination) == "/":
            raise SpecError(f"mounts[{index}].destination", "the root of the container cannot be removed")
    _inside(syscall, state, {}, lambda tree: tree.detach_all(unwanted))
    _remember(directory, removed=unwanted)


def _load(directory: ContainerDirectory) -> tuple[ContainerState, Spec]:
    state = directory.load()
    if status.current(state, directory) not in (CREATED, RUNNING, PAUSED):
        raise ContainerStatusError("container not running", object=state.id)
    spec = load.parse(directory.read(store.CONFIG_FILE))
    if "mount" not in namespaces.new_types(spec.linux.namespaces):
        # Its root is a directory of somebody else's mount namespace, and everybody there would see the change.
        raise SpecError(
            "mounts",
            f"container {state.id} has no mount namespace of its own",
            hint='create it with {"type": "mount"} in linux.namespaces, without a path',
        )
    return state, spec


def _normal(destination: str) -> str:
    return os.path.normpath("/" + destination.lstrip("/"))


def _plan(state: ContainerState, index: int, mount: Mount) -> BindMount | MountFilesystem:
    name = f"mounts[{index}]"
    wanted = options.parse(mount.options)
    destination = _normal(mount.destination)
    if wanted.flags & flags.MS_REMOUNT:
        raise SpecError(f"{name}.options", "remount is for a new container only: remove the mount and add another")
    if wanted.is_bind or mount.type in ("bind", "rbind"):
        if not mount.source:
            raise SpecError(f"{name}.source", "a bind mount needs one")
        if wanted.data:
            raise SpecError(f"{name}.options", f"a bind mount has no options of a file system, got {wanted.data[0]!r}")
        if mount.type == "rbind" and not wanted.is_bind:
            wanted = wanted.replace(flags=wanted.flags | flags.MS_REC)
        source = os.path.normpath(os.path.join(state.bundle, mount.source))
        return mounts.BindMount(source, destination, wanted, index, name)
    if not mount.type:
        raise SpecError(f"{name}.type", "a mount that is not a bind mount needs one")
    if mount.type in _AT_CREATION_ONLY:
        kind = _AT_CREATION_ONLY[mount.type]
        raise SpecError(
            f"{name}.type", f"a mount of type {mount.type} shows a {kind} namespace: only create can make it"
        )
    source = mount.source or mount.type
    return mounts.MountFilesystem(mount.type, source, destination, wanted, name, data=wanted.data)


def _prepare(
    syscall: Syscall, spec: Spec, wanted: Sequence[Mount], operations: Sequence[BindMount | MountFilesystem]
) -> dict[int, int]:
    """Clone the sources of the host while we are still there: detached mounts by index."""
    prepared: dict[int, int] = {}
    try:
        for index, (mount, operation) in enumerate(zip(wanted, operations, strict=True)):
            if not isinstance(operation, mounts.BindMount):
                continue
            word = next((word for word in ("ridmap", "idmap") if word in operation.options.special), None)
            if word or mount.uid_mappings:
                prepared.update(
                    outside.prepare([_idmapped(spec, mount, operation, word)], syscall, _user_namespace(syscall))
                )
                continue
            try:
                prepared[index] = mounts.clone_source(syscall, operation.source, operation.options)
            except OSError as error:
                raise operation.source_error(error) from error
    except BaseException:
        for fd in prepared.values():
            os.close(fd)
        raise
    return prepared


def _idmapped(spec: Spec, mount: Mount, operation: BindMount, word: str | None) -> OutsideMount:
    uid_mappings = mount.uid_mappings or spec.linux.uid_mappings
    gid_mappings = mount.gid_mappings or spec.linux.gid_mappings
    if not uid_mappings or not gid_mappings:
        raise SpecError(operation.property, "an idmapped mount needs both uidMappings and gidMappings")
    return OutsideMount(operation, word or "idmap", uid_mappings, gid_mappings)


def _user_namespace(syscall: Syscall) -> Callable[..., int]:
    from libcontainer.process import mapped_namespace

    return lambda uid_mappings, gid_mappings: mapped_namespace.make(syscall, uid_mappings, gid_mappings)


class _Tree:
    """The container's mounts, seen from a process in its mount namespace."""

    def __init__(self, syscall: Syscall, prepared: dict[int, int]) -> None:
        """Prepare, outside of the container: the context and this hold the host's procfs."""
        self._syscall = syscall
        self._context = Context(syscall, outside=prepared)
        self._procfs = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def enter(self) -> None:
        """Take what is the root now, after the mount namespace was joined, for the container's."""
        self._context.root_fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def attach_all(self, operations: Sequence[BindMount | MountFilesystem]) -> None:
        """Attach mounts; if one fails, those before it are detached again."""
        done: list[str] = []
        try:
            for operation in operations:
                self._attach(operation)
                done.append(operation.destination)
        except BaseException as error:
            for destination in reversed(done):
                try:
                    self._detach(destination, None)
                except LibcontainerError as failure:
                    error.add_note(str(failure))
            raise

    def detach_all(self, unwanted: Sequence[Mount]) -> None:
        """Detach mounts, the last first; the first failure ends it."""
        for index, mount in reversed(list(enumerate(unwanted))):
            self._detach(_normal(mount.destination), f"mounts[{index}].destination")

    def _attach(self, operation: BindMount | MountFilesystem) -> None:
        try:
            operation.apply(self._context)
        except OSError as error:
            hint = None
            if error.errno == errno.EROFS:
                hint = "the root file system is read-only: choose a destination that exists"
            raise syscall_error(
                error, operation.describe(), step="mount", property=operation.property, hint=hint
            ) from error

    def _detach(self, path: str, asked_by: str | None) -> None:
        try:
            target = inside.open_path(self._syscall, self._context.root_fd, path)
            try:
                # umount2(2) takes paths only; this one starts at the host's procfs, where nobody can have changed it.
                self._syscall.fchdir(self._procfs)
                self._syscall.umount2(f"self/fd/{target}", flags.MNT_DETACH)
            finally:
                os.close(target)
        except OSError as error:
            hint = "nothing is mounted there" if error.errno == errno.EINVAL else None
            raise syscall_error(error, f"unmount {path}", step="mount", property=asked_by, hint=hint) from error


def _inside(syscall: Syscall, state: ContainerState, prepared: dict[int, int], act: Callable[[_Tree], None]) -> None:
    """Run a function on the container's mounts, in a process in the container's namespaces."""
    container = pidfd.open_process(state.pid, state.pid_start_time)
    if container is None:
        raise ContainerStatusError("container not running", object=state.id)
    opened: list[tuple[str, int]] = []
    ours, its = channel_module.pair("the runtime", "the mounting process")
    try:
        # Not the pid namespace: it would be entered by children only.
        opened = namespaces.open_of_process(state.pid, [kind for kind in state.namespaces if kind != "pid"])
        # The namespaces are those of the container and of nobody who got its pid since.
        if pidfd.wait_for_exit(container, 0):
            raise ContainerStatusError("container not running", object=state.id)
        child, child_pidfd = syscall.clone3(0)
        if child == 0:
            _be_helper(syscall, opened, its, prepared, act)
        its.close()
        try:
            ours.expect(channel_module.DONE)
        finally:
            os.waitpid(child, 0)
            os.close(child_pidfd)
    except OSError as error:
        raise syscall_error(error, "enter the container", step="namespaces") from error
    finally:
        ours.close()
        os.close(container)
        for _, fd in opened:
            os.close(fd)


def _be_helper(
    syscall: Syscall,
    opened: list[tuple[str, int]],
    channel: Channel,
    prepared: dict[int, int],
    act: Callable[[_Tree], None],
) -> NoReturn:
    try:
        tree = _Tree(syscall, prepared)
        syscall.prctl(flags.PR_SET_PDEATHSIG, 9)
        # Where pids or the user namespace are shared, nobody in the container may trace this process.
        syscall.prctl(flags.PR_SET_DUMPABLE, 0)
        seal.seal()
        namespaces.join(syscall, opened)
        if any(kind == "user" for kind, _ in opened):
            namespaces.become_root(syscall)
        tree.enter()
        syscall.umask(0)
        act(tree)
        channel.send(channel_module.DONE)
    except BaseException as error:  # noqa: BLE001 - main must hear of it and nobody else
        channel.send_error(steps.unexpected(error, "mount in the container"))
    finally:
        os._exit(0)


def _remember(directory: ContainerDirectory, *, added: Sequence[Mount] = (), removed: Sequence[Mount] = ()) -> None:
    """Keep the configuration's copy true: a checkpoint goes by it."""
    document = json_text.loads(directory.read(store.CONFIG_FILE))
    assert isinstance(document, dict)  # create has accepted it
    entries = list(document.get("mounts") or ())
    entries += [decode.encode(mount) for mount in added]
    for mount in removed:
        same = [entry for entry in entries if _normal(entry["destination"]) == _normal(mount.destination)]
        if same:
            entries.remove(same[-1])
    document["mounts"] = entries
    directory.write(store.CONFIG_FILE, json_text.dumps(document).encode())
