"""Save a running container to files, with CRIU; bringing it back is ``restore``."""

from __future__ import annotations

import fcntl
import os

from libcontainer import cgroups
from libcontainer.container import delete, status, store
from libcontainer.container.state import PAUSED, RUNNING
from libcontainer.criu import external, rpc
from libcontainer.criu.operation import CriuOptions, Operation
from libcontainer.errors import ArgumentError, ContainerStatusError
from libcontainer.oci import json_text, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.state import ContainerState
    from libcontainer.container.store import ContainerDirectory
    from libcontainer.criu.rpc import Message
    from libcontainer.oci.spec import Spec
    from libcontainer.syscall import Syscall


class CheckpointOptions(CriuOptions):
    """How to checkpoint; the words are CRIU's.

    Attributes:
        parent_path: directory of an earlier pre-dump, relative to the images.
        leave_running: let the container run on.
        pre_dump: save the memory only, as a start.
        status_fd: where CRIU tells that lazy pages can be asked for, -1 for nowhere.
        page_server: address and port that the pages are sent to.
    """

    parent_path: str | None = None
    leave_running: bool = False
    pre_dump: bool = False
    tcp_skip_in_flight: bool = False
    link_remap: bool = False
    status_fd: int = -1
    page_server: tuple[str, int] | None = None


def checkpoint(syscall: Syscall, directory: ContainerDirectory, options: CheckpointOptions) -> None:
    """Save a running or paused container, and delete it unless it is to run on; the container must be locked.

    Raises:
        ContainerStatusError: the container is neither.
        CriuError: CRIU is missing or could not do it; the container runs on.
    """
    state = directory.load()
    present = status.current(state, directory)
    if present not in (RUNNING, PAUSED):
        raise ContainerStatusError(f"container cannot be checkpointed in {present} state", object=state.id)
    _check_parent(options)
    _check_status_fd(options.status_fd)
    spec = load.parse(directory.read(store.CONFIG_FILE))
    operation = Operation(rpc.PRE_DUMP if options.pre_dump else rpc.DUMP, options.image_path, options.work_path)
    try:
        _describe(operation, options, state, spec)
        operation.perform(features=_needed_features(options))
    finally:
        operation.close()
    if not options.leave_running and not options.pre_dump:
        delete.delete(lambda: syscall, directory, force=True)


def _check_parent(options: CheckpointOptions) -> None:
    parent = options.parent_path
    if parent is None:
        return
    if os.path.isabs(parent) or not os.path.isdir(os.path.join(options.image_path, parent)):
        raise ArgumentError(
            f"invalid parent path {parent!r}: not an existing directory relative to the image path",
            object=parent,
            hint="name the directory of a pre-dump, such as ../pre-dump",
        )


def _check_status_fd(fd: int) -> None:
    if fd < 0:
        return
    try:
        is_writable = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except OSError as error:
        raise ArgumentError(f"--status-fd {fd}", error.errno, object=str(fd)) from None
    if not is_writable:
        raise ArgumentError(f"--status-fd {fd}: not open for writing", object=str(fd))


def _needed_features(options: CheckpointOptions) -> list[tuple[int, str]]:
    needed = []
    if options.pre_dump or options.parent_path is not None:
        needed.append((rpc.MEMORY_TRACKING, "criu or this kernel cannot track memory, which pre-dump needs"))
    if options.lazy_pages:
        needed.append((rpc.LAZY_PAGES, "criu or this kernel has no lazy pages"))
    return needed


def _describe(operation: Operation, options: CheckpointOptions, state: ContainerState, spec: Spec) -> None:
    """Tell CRIU about the container."""
    operation.add(options, spec.annotations)
    operation.add_flags(
        {
            rpc.Options.leave_running: options.leave_running,
            rpc.Options.tcp_skip_in_flight: options.tcp_skip_in_flight,
            rpc.Options.link_remap: options.link_remap,
            rpc.Options.track_memory: options.pre_dump or options.parent_path is not None,
        }
    )
    told: Message = [(rpc.Options.pid, state.pid), (rpc.Options.root, state.rootfs)]
    if options.parent_path is not None:
        told.append((rpc.Options.parent_image, options.parent_path))
    if options.page_server is not None:
        told.append((rpc.Options.page_server, [(1, options.page_server[0]), (2, options.page_server[1])]))
    if options.status_fd >= 0:
        told.append((rpc.Options.status_fd, options.status_fd))
        operation.inherited.append(options.status_fd)
    freezer = _freezer(state)
    if freezer:
        told.append((rpc.Options.freeze_cgroup, freezer))
    for namespace in spec.linux.namespaces:
        if namespace.path and namespace.type in external.NAMESPACE_KEYS:
            name, key = external.NAMESPACE_KEYS[namespace.type]
            number = os.stat(f"/proc/{state.pid}/ns/{name}").st_ino
            told.append((rpc.Options.external, f"{name}[{number}]:{key}"))
    operation.options += told
    if options.pre_dump:
        return  # only the memory is saved
    with open(f"/proc/{state.pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        mountinfo = file.read()
    points = external.mounts_to_dump(mountinfo, spec)
    operation.options += [(rpc.Options.external_mount, [(1, point), (2, point)]) for point in points]
    descriptors = external.standard_descriptors(state.pid, mountinfo)
    operation.options += [(rpc.Options.external, name) for name in descriptors if external.is_file(name)]
    operation.write(external.DESCRIPTORS_FILE, json_text.dumps(descriptors).encode())


def _freezer(state: ContainerState) -> str:
    with cgroups.translated("checkpoint"):
        hierarchies = cgroups.of_container(state).hierarchies()
    for hierarchy in hierarchies:
        if "freezer" in hierarchy.controllers:
            return hierarchy.directory
    return next((hierarchy.directory for hierarchy in hierarchies if not hierarchy.controllers), "")
