"""Change the limits of a container, and remember them; devices are never touched.

What is not given stays as it is, and so does what is 0 where 0 is no limit: clients send it for "not given". Lists are
merged by their device, page size or interface. When one limit is refused, all are what they were.
"""

from __future__ import annotations

from libcgroups.resources import LinuxResources

from libcontainer import cgroups
from libcontainer.container import status, store
from libcontainer.container.state import CREATED, PAUSED, RUNNING
from libcontainer.errors import ContainerStatusError, LibcontainerError, StateFileError
from libcontainer.oci import decode, json_text
from libcontainer.oci.validate import validate_resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.record import Record

    from libcontainer.container.state import ContainerState
    from libcontainer.container.store import ContainerDirectory

    Json = dict[str, object]

# Numbers of which 0 is a value: everywhere else it stands for "not given".
_ZERO_IS_A_VALUE = frozenset(("swappiness", "burst", "idle", "rate", "priority", "class_id", "leaf_weight"))
_KEYS = (("major", "minor"), ("pageSize",), ("name",))
_AT = "linux.resources"


def update(
    directory: ContainerDirectory,
    resources: LinuxResources,
    *,
    l3_cache_schema: str | None = None,
    mem_bw_schema: str | None = None,
) -> None:
    """Change the limits of a created, running or paused container; the container must be locked.

    Args:
        directory: the container.
        resources: what is to change.
        l3_cache_schema: cache allocation of its resctrl group; None leaves it alone.
        mem_bw_schema: memory bandwidth of its resctrl group; None leaves it alone.

    Raises:
        ContainerStatusError: the container is not running.
        SpecError: a limit is out of range, or does not fit those that stay.
        CgroupsError: the kernel refused a limit, or a controller is missing; nothing has changed.
    """
    state = directory.load()
    if status.current(state, directory) not in (CREATED, RUNNING, PAUSED):
        raise ContainerStatusError("container not running", object=state.id)
    changes = _without_zeros(resources.replace(devices=()))
    validate_resources(changes)
    old = directory.read(store.CONFIG_FILE)
    document = _document(old, directory)
    linux = _object(document, "linux")
    linux["resources"] = _merged(linux.get("resources") or {}, changes)
    wanted = decode.decode(LinuxResources, linux["resources"], _AT)
    validate_resources(wanted, _AT)
    if l3_cache_schema is not None or mem_bw_schema is not None:
        schemas = {"l3CacheSchema": l3_cache_schema, "memBwSchema": mem_bw_schema}
        given = {name: text for name, text in schemas.items() if text is not None}
        linux["intelRdt"] = {**_object(linux, "intelRdt"), **given} if "intelRdt" in linux else given
    directory.write(store.CONFIG_FILE, json_text.dumps(document).encode())
    try:
        _apply(state, _complete(changes, wanted), l3_cache_schema, mem_bw_schema, old)
    except BaseException as error:
        try:
            directory.write(store.CONFIG_FILE, old)
        except StateFileError as failure:
            error.add_note(f"the stored limits are not restored: {failure}")
        raise


def _apply(
    state: ContainerState, resources: LinuxResources, l3_cache_schema: str | None, mem_bw_schema: str | None, old: bytes
) -> None:
    if l3_cache_schema is not None or mem_bw_schema is not None:
        from libcontainer.oci import load
        from libcontainer.process import intel_rdt

        rdt = load.parse(old).linux.intel_rdt
        # First: resctrl takes all lines or none, so only its failure leaves nothing to take back.
        undo = intel_rdt.update(state.id, rdt, l3_cache_schema=l3_cache_schema, mem_bw_schema=mem_bw_schema)
    else:
        undo = None
    try:
        with cgroups.translated("update"):
            cgroups.of_container(state).update(resources)
    except LibcontainerError as error:
        if undo is not None:
            try:
                undo()
            except LibcontainerError as failure:
                error.add_note(f"not restored: {failure}")
        raise


def _document(text: bytes, directory: ContainerDirectory) -> Json:
    try:
        document = json_text.loads(text)
    except ValueError as error:
        path = f"{directory.path}/{store.CONFIG_FILE}"
        raise StateFileError(f"read {path}: {error}", object=path) from None
    assert isinstance(document, dict)  # it was accepted by create
    return document


def _object(parent: Json, name: str) -> Json:
    value = parent.setdefault(name, {})
    if value is None:
        value = parent[name] = {}
    assert isinstance(value, dict)
    return value


def _without_zeros(resources: LinuxResources) -> LinuxResources:
    """Return the resources with "not given" where a client wrote 0 for it."""
    pids = resources.pids
    return resources.replace(
        memory=_nonzero(resources.memory, ("kernel", "kernel_tcp")),
        cpu=_nonzero(resources.cpu),
        block_io=_nonzero(resources.block_io),
        # As runc up to 1.1 did: a container that may not have any process is not what anybody asks for.
        pids=None if pids is not None and pids.limit == 0 else pids,
    )


def _nonzero[Part: Record](part: Part | None, dropped: tuple[str, ...] = ()) -> Part | None:
    ...
