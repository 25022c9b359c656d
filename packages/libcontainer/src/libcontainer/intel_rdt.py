"""Cache and memory bandwidth of a container, Intel RDT through resctrl (resctrl.rst); not the choice of classes.

A container is put into a control group: that of its closID, or one of its own named by its id. Only groups made here
are removed again.
"""

from __future__ import annotations

import errno
import os

from libcontainer.errors import LibcontainerError, SpecError, syscall_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from libcontainer.oci.spec import LinuxIntelRdt

_PROPERTY = "linux.intelRdt"
_HEXADECIMAL = ("L2", "L2CODE", "L2DATA", "L3", "L3CODE", "L3DATA")


def set_up(container_id: str, rdt: LinuxIntelRdt, pid: int, *, mount_point: str | None = None) -> str:
    """Put a process, and so what it forks, into its group; make the group and set its schemata where that is asked.

    Args:
        container_id: name of the group when ``rdt`` names none.
        rdt: ``linux.intelRdt``, validated.
        pid: the container's init.
        mount_point: where resctrl is mounted; None looks it up.

    Returns:
        The directory that ``clean_up`` has to remove, "" if nothing was made.

    Raises:
        SpecError: there is no resctrl, the named group does not exist, or it has other schemata.
        SyscallError: the kernel refused; nothing is left.
    """
    root = mount_point or _mount_point()
    group = _group(root, container_id, rdt)
    lines = _lines(rdt)
    made = ""
    try:
        if not os.path.isdir(group):
            if rdt.clos_id and not lines:
                raise SpecError(
                    f"{_PROPERTY}.closID",
                    f"no such class of service: {rdt.clos_id!r}",
                    hint=f"make it with mkdir {group}, or give schemata, so that it is made",
                )
            _make(group)
            made = group
            if lines:
                _write_schemata(root, group, lines)
        elif lines:
            _compare(root, group, lines)
        _write(root, f"{group}/tasks", str(pid), f"put the container into {group}")
        if rdt.enable_monitoring:
            monitored = f"{group}/mon_groups/{container_id}"
            _make(monitored)
            made = made or monitored  # the kernel removes it together with the group above it
            _write(root, f"{monitored}/tasks", str(pid), f"monitor the container in {monitored}")
    except BaseException as error:
        if made:
            try:
                clean_up(made)
            except LibcontainerError as failure:
                error.add_note(str(failure))
        raise
    return made


def clean_up(path: str) -> None:
    """Remove a group that ``set_up`` has made; one that is gone is fine.

    Raises:
        SyscallError: the kernel refused.
    """
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise syscall_error(error, f"remove {path}", step="intelRdt") from error


class Written:
    """What a group had before ``update``, for ``restore``."""

    __slots__ = ("group", "lines", "root")

    def __init__(self, root: str, group: str, lines: list[str]) -> None:
        self.root = root
        self.group = group
        self.lines = lines


def update(
    container_id: str,
    rdt: LinuxIntelRdt | None,
    l3_cache_schema: str | None,
    mem_bw_schema: str | None,
    *,
    mount_point: str | None = None,
) -> Written:
    """Change the schemata of a container's group.

    Args:
        container_id: the container.
        rdt: ``linux.intelRdt`` that it was created with.
        l3_cache_schema: new lines of the cache, None leaves them alone.
        mem_bw_schema: new line of the memory bandwidth, None leaves it alone.
        mount_point: where resctrl is mounted; None looks it up.

    Raises:
        SpecError: the container has no group, or there is no resctrl.
        SyscallError: the kernel refused; nothing has changed.
    """
    if rdt is None:
        raise SpecError(
            _PROPERTY,
            f"container {container_id!r} was created without a resctrl group, it cannot get one now",
            hint="set linux.intelRdt in config.json before create",
        )
    root = mount_point or _mount_point()
    group = _group(root, container_id, rdt)
    lines = _lines(rdt.replace(l3_cache_schema=l3_cache_schema, mem_bw_schema=mem_bw_schema, schemata=None))
    resources = {_split(line)[0] for line in lines}
    try:
        before = [line for line in _read(f"{group}/schemata").splitlines() if _split(line)[0] in resources]
    except OSError as error:
        raise syscall_error(error, f"read {group}/schemata", step="intelRdt") from error
    _write_schemata(root, group, lines)
    return Written(root, group, [line.strip() for line in before])


def restore(written: Written) -> None:
    """Write back what a group had before an update.

    Raises:
        SyscallError: the kernel refused.
    """
    _write_schemata(written.root, written.group, written.lines)


def statistics(container_id: str, rdt: LinuxIntelRdt, *, mount_point: str | None = None) -> dict[str, object]:
    """Return what ``events`` tells about the group, by runc's names; what the processor does not have is left out."""
    root = mount_point or _mount_point()
    group = _group(root, container_id, rdt)
    told: dict[str, object] = {}
    for resource, name, numbers in (
        ("L3", "l3_cache", ("cbm_mask", "min_cbm_bits", "num_closids")),
        ("MB", "mem_bw", ("bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids")),
    ):
        information = f"{root}/info/{resource}"
        if not os.path.isdir(information):
            continue
        values = {key: _read(f"{information}/{key}").strip() for key in numbers}
        told[f"{name}_info"] = {key: text if key == "cbm_mask" else int(text) for key, text in values.items()}
        told[f"{name}_schema_root"] = _schema(root, resource)
        told[f"{name}_schema"] = _schema(group, resource)
    if rdt.schemata:
        told["schemata"] = [line.strip() for line in _read(f"{group}/schemata").splitlines()]
    if rdt.enable_monitoring:
        told.update(_monitoring(f"{group}/mon_groups/{container_id}/mon_data"))
    return told


def _monitoring(directory: str) -> dict[str, object]:
    bandwidth, occupancy = [], []
    for domain in sorted(name for name in os.listdir(directory) if name.startswith("mon_L3_")):
        files = set(os.listdir(f"{directory}/{domain}"))
        counted = {
            name: int(_read(f"{directory}/{domain}/{name}"))
            for name in ("mbm_total_bytes", "mbm_local_bytes")
            if name in files
        }
        if counted:
            bandwidth.append(counted)
        if "llc_occupancy" in files:
            occupancy.append({"llc_occupancy": int(_read(f"{directory}/{domain}/llc_occupancy"))})
    return {name: values for name, values in (("mbm_stats", bandwidth), ("cmt_stats", occupancy)) if values}


def _mount_point() -> str:
    for line in _read("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("resctrl "):
            return before.split(" ")[4]
    raise SpecError(
        _PROPERTY,
        "intelRdt is specified in config, but Intel RDT is not enabled",
        hint="mount -t resctrl resctrl /sys/fs/resctrl, on a processor and kernel that have it",
    )


def _group(root: str, container_id: str, rdt: LinuxIntelRdt) -> str:
    return root if rdt.clos_id == "/" else f"{root}/{rdt.clos_id or container_id}"


def _lines(rdt: LinuxIntelRdt) -> list[str]:
    """Return the lines to write, in the order of the specification."""
    cache = (rdt.l3_cache_schema or "").splitlines()
    if rdt.mem_bw_schema:
        # The specification: a line of the bandwidth that is in both comes from memBwSchema.
        cache = [line for line in cache if not line.lstrip().startswith("MB:")]
    bandwidth = [rdt.mem_bw_schema] if rdt.mem_bw_schema else []
    return [line.strip() for line in (*cache, *bandwidth, *(rdt.schemata or ())) if line.strip()]


def _make(directory: str) -> None:
    try:
        os.mkdir(directory, 0o755)
    except OSError as error:
        hint = None
        if error.errno == errno.ENOSPC:
            hint = "the processor has no more classes of service or monitoring ids: remove a group"
        elif error.errno == errno.ENOENT:
            hint = "this processor or kernel cannot monitor: set enableMonitoring to false"
        raise syscall_error(error, f"make {directory}", step="intelRdt", property=_PROPERTY, hint=hint) from error


def _write_schemata(root: str, group: str, lines: Iterable[str]) -> None:
    _write(root, f"{group}/schemata", "".join(f"{line}\n" for line in lines), f"write {group}/schemata")


def _write(root: str, path: str, text: str, action: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise syscall_error(error, action, step="intelRdt", property=_PROPERTY, hint=_reason(root)) from error


def _reason(root: str) -> str | None:
    """Return what the kernel says about the last refusal, resctrl.rst: info/last_cmd_status."""
    try:
        said = _read(f"{root}/info/last_cmd_status").strip()
    except OSError:
        return None
    return f"the kernel says: {said}" if said and said != "ok" else None


def _compare(root: str, group: str, lines: Iterable[str]) -> None:
    """Require that an existing group has the schemata that are asked for, written in whatever way."""
    present = dict(_domains(root, _read(f"{group}/schemata").splitlines()))
    for place, value in _domains(root, lines):
        if present.get(place) != value:
            resource, domain = place
            raise SpecError(
                _PROPERTY,
                f"{group} exists and has another {resource} schema for domain {domain} than is asked for",
                hint="leave out the schemata to use the group as it is, or choose another closID",
            )


def _domains(root: str, lines: Iterable[str]) -> Iterable[tuple[tuple[str, str], int | str]]:
    """Yield ((resource, domain), value) of lines such as ``L3:0=0f;1=f``, values as the kernel would have them."""
    for line in lines:
        resource, entries = _split(line)
        for entry in entries.split(";"):
            domain, _, value = (part.strip() for part in entry.partition("="))
            yield (resource, domain), _normal(root, resource, value)


def _normal(root: str, resource: str, value: str) -> int | str:
    try:
        if resource in _HEXADECIMAL:
            return int(value, 16)
        number = int(value)
    except ValueError:
        return value
    try:
        step = int(_read(f"{root}/info/{resource}/bandwidth_gran"))
    except (OSError, ValueError):
        return number
    return -(-number // step) * step  # the kernel rounds up


def _split(line: str) -> tuple[str, str]:
    resource, _, entries = line.strip().partition(":")
    return resource, entries


def _schema(group: str, resource: str) -> str:
    lines = [line.strip() for line in _read(f"{group}/schemata").splitlines()]
    return next((line for line in lines if _split(line)[0] == resource), "")


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()
