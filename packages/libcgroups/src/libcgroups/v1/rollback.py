"""Writing limits all or none: what was there is read before, and written back when the kernel refuses one."""

from __future__ import annotations

from libcgroups import errors, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.v1.controllers import Controller, Write

# Files that hold one line for each device or interface, and take one line a write; 0 removes the line.
_KEYED = ("blkio.throttle.", "blkio.weight_device", "blkio.leaf_weight_device", "blkio.bfq.weight_device", "rdma.max")


def write_all_or_none(plans: list[tuple[type[Controller], str, list[Write]]]) -> None:
    """Carry out the plans of several controllers.

    Raises:
        CgroupError: the first refusal; what could not be written back is told in its notes.
    """
    undo: list[tuple[str, str]] = []
    try:
        for controller, directory, writes in plans:
            for write in writes:
                old = _old_texts(directory, write)
                controller.write([write], directory)
                undo = [*old, *undo]
    except errors.CgroupError as error:
        for path, text in undo:
            try:
                files.write_cgroup_file(path, text)
            except errors.CgroupError as failure:
                error.add_note(f"not restored: {failure}")
        raise


def _old_texts(directory: str, write: Write) -> list[tuple[str, str]]:
    """Return what to write to which files to have again what a write changes."""
    old = [(f"{directory}/{write.file}", _old_text(f"{directory}/{write.file}", write))]
    if write.file == "blkio.bfq.weight":
        from libcgroups.v1 import blkio

        old += [(f"{directory}/{each.file}", each.text) for each in blkio.device_weights(directory)]
    return old


def _old_text(path: str, write: Write) -> str:
    """Return what to write to a file to have its present content again."""
    text = files.read_cgroup_file(path)
    if write.file == "memory.oom_control":
        return str(int("oom_kill_disable 1" in text))
    if write.file.startswith(_KEYED) or write.file == "net_prio.ifpriomap":
        key = write.text.split()[0]
        nothing = "default" if write.file == "blkio.bfq.weight_device" else "0"
        return next((line for line in text.splitlines() if line.split()[:1] == [key]), f"{key} {nothing}")
    # An empty list of processors cannot be written as nothing: a write of no bytes never reaches the kernel.
    return text.strip() or "\n"
