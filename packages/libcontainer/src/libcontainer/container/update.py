"""Change the limits of a container, and remember them; devices are never touched.

What is not given stays as it is, and so does what is 0 where 0 is no limit: clients send it for "not given". Lists are
merged by their device, page size or interface. When one limit is refused, all are what they were.
"""

from __future__ import annotations

from libcgroups.resources import LinuxResources
from libcontainer import cgroups, log
from libcontainer.container import status, store
from libcontainer.container.state import CREATED, PAUSED, RUNNING
from libcontainer.errors import ContainerStatusError, LibcontainerError, StateFileError
from libcontainer.oci import decode, json_text
from libcontainer.oci.validate import validate_resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.state import ContainerState
    from libcontainer.container.store import ContainerDirectory

    Json = dict[str, object]

_AT = "linux.resources"
_ZERO_IS_A_VALUE = ("swappiness", "burst", "idle")
_OBSOLETE = ("kernel", "kernelTCP")
# What tells the items of a list apart: of devices, huge pages, network interfaces.
_KEYS = (("major", "minor"), ("pageSize",), ("name",))


class ResctrlSchemas:
    """New lines for the container's resctrl group; None leaves a line alone.

    Attributes:
        l3_cache: cache allocation, ``L3:0=f``.
        mem_bw: memory bandwidth, ``MB:0=50``.
    """

    __slots__ = ("l3_cache", "mem_bw")

    def __init__(self, l3_cache: str | None, mem_bw: str | None) -> None:
        self.l3_cache = l3_cache
        self.mem_bw = mem_bw


def update(directory: ContainerDirectory, resources: LinuxResources, schemas: ResctrlSchemas | None = None) -> None:
    """Change the limits of a created, running or paused container; the container must be locked.

    Raises:
        ContainerStatusError: the container is not running.
        SpecError: a limit is out of range, or does not fit those that stay.
        CgroupsError: the kernel refused a limit, or a controller is missing; nothing has changed.
    """
    state = directory.load()
    if status.current(state, directory) not in (CREATED, RUNNING, PAUSED):
        raise ContainerStatusError("container not running", object=state.id)
    validate_resources(resources)
    changes = _given(resources)
    old = directory.read(store.CONFIG_FILE)
    document = _document(old, directory)
    linux = _object(document, "linux")
    wanted = decode.decode(LinuxResources, _merge_resources(_object(linux, "resources"), changes), _AT)
    validate_resources(wanted, _AT)
    if schemas is not None:
        rdt = _object(linux, "intelRdt")
        rdt.update({"l3CacheSchema": schemas.l3_cache} if schemas.l3_cache is not None else {})
        rdt.update({"memBwSchema": schemas.mem_bw} if schemas.mem_bw is not None else {})
    directory.write(store.CONFIG_FILE, json_text.dumps(document).encode())
    try:
        _apply(state, _complete(decode.decode(LinuxResources, changes), wanted), schemas, old)
    except BaseException as error:
        try:
            directory.write(store.CONFIG_FILE, old)
        except StateFileError as failure:
            error.add_note(f"the stored limits are not restored: {failure}")
        raise


def _apply(state: ContainerState, resources: LinuxResources, schemas: ResctrlSchemas | None, config: bytes) -> None:
    with cgroups.translated("update"):
        manager = cgroups.of_container(state)
        if schemas is None:
            manager.update(resources)
            return
    from libcontainer import intel_rdt
    from libcontainer.oci import load

    # First, as its old lines are easily written back.
    written = intel_rdt.update(state.id, load.parse(config).linux.intel_rdt, schemas.l3_cache, schemas.mem_bw)
    try:
        with cgroups.translated("update"):
            manager.update(resources)
    except LibcontainerError as error:
        try:
            intel_rdt.restore(written)
        except LibcontainerError as failure:
            error.add_note(f"not restored: {failure}")
        raise


def _given(resources: LinuxResources) -> Json:
    """Return as JSON what is really to be changed."""
    changes = decode.encode(resources.replace(devices=()))
    for group in ("memory", "cpu", "blockIO"):
        values = changes.get(group)
        if isinstance(values, dict):
            changes[group] = {
                name: value
                for name, value in values.items()
                if value or isinstance(value, bool) or name in _ZERO_IS_A_VALUE
            }
    memory = changes.get("memory")
    if isinstance(memory, dict):
        for name in _OBSOLETE:
            if memory.pop(name, None) is not None:
                log.warning("memory.%s: limits of kernel memory are obsolete and ignored", name)
        if memory.get("limit") == -1 and "swap" not in memory:
            memory["swap"] = -1
    if changes.get("pids") == {"limit": 0}:
        # As runc did up to 1.1: nobody means a container that may have no process.
        del changes["pids"]
    return {name: value for name, value in changes.items() if value}


def _merge_resources(old: Json, changes: Json) -> Json:
    """Merge the changes into the old resources, in place."""
    cpu, new_cpu = old.get("cpu"), changes.get("cpu")
    if isinstance(cpu, dict) and isinstance(new_cpu, dict) and new_cpu.get("idle") and "shares" not in new_cpu:
        cpu.pop("shares", None)  # they exclude each other
    return _merge(old, changes)


def _merge(old: Json, changes: Json) -> Json:
    for name, value in changes.items():
        before = old.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            _merge(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            old[name] = _merge_lists(before, value)
        else:
            old[name] = value
    return old


def _merge_lists(old: list[object], changes: list[object]) -> list[object]:
    merged = {_key(item): item for item in old}
    merged.update((_key(item), item) for item in changes)
    return list(merged.values())


def _key(item: object) -> tuple[object, ...]:
    assert isinstance(item, dict)  # the decoder has seen to it
    names = next(names for names in _KEYS if all(name in item for name in names))
    return tuple(item[name] for name in names)


def _complete(changes: LinuxResources, wanted: LinuxResources) -> LinuxResources:
    """Add to the changes what has to be written together with them, as it will be."""
    memory, cpu = changes.memory, changes.cpu
    if memory is not None and wanted.memory is not None and (memory.limit or memory.swap):
        if memory.limit == -1 and memory.swap == -1:
            memory = memory.replace(swap=None)  # unlimited where the kernel counts swap; the manager knows
        else:
            memory = memory.replace(limit=wanted.memory.limit, swap=wanted.memory.swap)
    if cpu is not None and wanted.cpu is not None and (cpu.quota or cpu.period):
        cpu = cpu.replace(quota=wanted.cpu.quota, period=wanted.cpu.period, burst=wanted.cpu.burst)
    return changes.replace(memory=memory, cpu=cpu)


def _document(text: bytes, directory: ContainerDirectory) -> Json:
    try:
        document = json_text.loads(text)
    except ValueError as error:
        path = f"{directory.path}/{store.CONFIG_FILE}"
        raise StateFileError(f"read {path}: {error}", object=path) from None
    assert isinstance(document, dict)  # create has accepted it
    return document


def _object(parent: Json, name: str) -> Json:
    """Return a member that is an object, an empty one where there is none."""
    value = parent.get(name)
    if value is None:
        value = parent[name] = {}
    assert isinstance(value, dict)
    return value
