"""Run the three phases of a RootfsPlan in a child with namespaces of its own, and look around in there."""

from __future__ import annotations

import json
import os
import stat
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from libcontainer.errors import LibcontainerError, from_dict
from libcontainer.rootfs import plan
from libcontainer.rootfs.cgroup import CgroupView
from libcontainer.rootfs.context import Context
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from libcontainer.oci.spec import LinuxIDMapping, Spec

NAMESPACES = flags.CLONE_NEWNS | flags.CLONE_NEWPID | flags.CLONE_NEWIPC | flags.CLONE_NEWUTS | flags.CLONE_NEWNET

NO_CGROUP = CgroupView()


def describe_tree(path: str) -> dict[str, str]:
    """List a directory: kind, mode, owner, device number or link text by name."""
    result = {}
    for name in sorted(os.listdir(path)):
        found = os.lstat(f"{path}/{name}")
        text = f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid}"
        if stat.S_ISLNK(found.st_mode):
            text += f" {os.readlink(f'{path}/{name}')}"
        elif found.st_rdev:
            text += f" {os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
        result[name] = text
    return result


def mount_table(text: str) -> list[str]:
    """Reduce mountinfo to what can be compared: root in the file system, mount point, options, type."""
    rows = []
    for line in text.splitlines():
        fields = line.split()
        rest = fields[fields.index("-") + 1 :]
        rows.append(f"{fields[4]} {fields[5]} {rest[0]}")
    return rows


def look_around() -> dict[str, Any]:
    """Report the mounts and /dev of the process that calls it."""
    return {
        "mountinfo": Path("/proc/self/mountinfo").read_text(),
        "dev": describe_tree("/dev"),
        "root": sorted(os.listdir("/")),
        "cwd": os.getcwd(),
    }


def run(
    spec: Spec,
    bundle: Path,
    *,
    observe: Callable[[], Any] = look_around,
    cgroup: CgroupView = NO_CGROUP,
    clone_flags: int = NAMESPACES,
    id_maps: tuple[str, str] | None = None,
    userns_fd: Callable[[Sequence[LinuxIDMapping], Sequence[LinuxIDMapping]], int] | None = None,
    before: Callable[[], None] = lambda: None,
    no_pivot: bool = False,
    times: dict[str, int] | None = None,
    syscall: LinuxSyscall | None = None,
) -> Any:
    """Return what ``observe`` returned inside the container, or raise the error that a phase ended with."""
    kernel = syscall or LinuxSyscall()
    rootfs = os.path.realpath(bundle / spec.root.path)
    made = plan.make(
        spec, bundle=str(bundle), rootfs=rootfs, user_namespace=id_maps is not None, cgroup=cgroup, no_pivot=no_pivot
    )
    outside = made.prepare_outside(kernel, userns_fd or (lambda uids, gids: -1))
    reader, writer = os.pipe()
    mapped_reader, mapped_writer = os.pipe()
    pid, pidfd = kernel.clone3(clone_flags | (flags.CLONE_NEWUSER if id_maps else 0))
    if pid == 0:
        os.close(reader)
        os.close(mapped_writer)
        os.read(mapped_reader, 1)
        _child(made, kernel, outside, observe, before, writer, bool(id_maps))
    os.close(writer)
    for fd in (*outside.values(), mapped_reader):
        os.close(fd)
    if id_maps:
        Path(f"/proc/{pid}/uid_map").write_text(id_maps[0])
        Path(f"/proc/{pid}/gid_map").write_text(id_maps[1])
    os.close(mapped_writer)
    with open(reader, "rb") as file:
        text = file.read()
    os.waitpid(pid, 0)
    os.close(pidfd)
    answer = json.loads(text)
    if times is not None:
        times.update(answer["times"])
    if "error" in answer:
        raise from_dict(answer["error"])
    if "crash" in answer:
        raise AssertionError(answer["crash"])
    return answer["result"]


def _child(
    made: plan.RootfsPlan,
    kernel: LinuxSyscall,
    outside: Mapping[int, int],
    observe: Callable[[], Any],
    before: Callable[[], None],
    writer: int,
    mapped: bool,
) -> None:
    answer: dict[str, Any] = {"times": {}}
    try:
        if mapped:
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
        before()
        context = Context(kernel, outside=outside)
        for name in ("prepare", "enter", "finish"):
            started = time.process_time_ns()
            getattr(made, name)(context)
            answer["times"][name] = (time.process_time_ns() - started) // 1000
        context.close()
        answer["result"] = observe()
    except LibcontainerError as error:
        answer["error"] = error.to_dict()
    except Exception:  # noqa: BLE001 - whatever it is, the test has to see it
        answer["crash"] = traceback.format_exc()
    try:
        data = json.dumps(answer).encode()
        while data:
            data = data[os.write(writer, data) :]
    finally:
        os._exit(0)
