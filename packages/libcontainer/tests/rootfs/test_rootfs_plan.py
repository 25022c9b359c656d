"""What is planned for a configuration, printed, and how its steps are taken."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from libcontainer.errors import SpecError, SyscallError
from libcontainer.oci.spec import Linux, LinuxDevice, LinuxIDMapping, LinuxNamespace, Mount, Root, Spec
from libcontainer.rootfs import no_pivot, outside, plan
from libcontainer.rootfs.cgroup import CgroupView
from libcontainer.rootfs.context import Context
from libcontainer.testing.recording import RecordingSyscall

if TYPE_CHECKING:
    from libcontainer.rootfs.plan import RootfsPlan

PROC = Mount("/proc", "proc", "proc")


def make(*mounts: Mount, readonly: bool = False, user_namespace: bool = False, **linux: Any) -> RootfsPlan:
    spec = Spec("1.3.0", Root("rootfs", readonly), mounts=mounts, linux=Linux(**linux))
    return plan.make(
        spec, bundle="/bundle", rootfs="/bundle/rootfs", user_namespace=user_namespace, cgroup=CgroupView()
    )


def test_a_plan_reads_in_the_order_of_its_steps() -> None:
    made = make(
        PROC,
        Mount("/dev", "tmpfs", "tmpfs", ("ro",)),
        Mount("data", "volume", None, ("bind", "ro")),
        Mount("/sys/fs/cgroup", "cgroup", "cgroup"),
        readonly=True,
        devices=(LinuxDevice("c", "/dev/fuse", 10, 229), LinuxDevice("p", "/run/fifo")),
        masked_paths=("/proc/keys",),
        readonly_paths=("/proc/sys", "/"),
        rootfs_propagation="shared",
    )

    assert made.describe() == [
        "make / rshared",
        "bind /bundle/rootfs on itself",
        "mount proc on /proc",
        "mount tmpfs on /dev",
        "bind /bundle/volume on /data",
        "mount cgroup on /sys/fs/cgroup",
        "make devices null zero full random urandom tty fuse in /dev",
        "make devices fifo in /run",
        "make links fd stdin stdout stderr ptmx in /dev",
        "pivot_root to the container's root and unmount the host's",
        "make /dev read-only",
        "make / read-only",
        "make /proc/sys read-only",
        "make / read-only",
        "mask /proc/keys",
        "make / shared",
    ]


@pytest.mark.parametrize(
    ("word", "steps"),
    [
        (None, ["make / rslave"]),
        ("private", ["make / rprivate"]),
        ("rslave", ["make / rslave"]),
        ("rshared", ["make / rshared", "make / rshared"]),
        ("unbindable", ["make / rprivate", "make / unbindable"]),
    ],
)
def test_propagation_comes_first_and_what_the_root_has_not_yet_comes_last(word: str | None, steps: list[str]) -> None:
    lines = make(rootfs_propagation=word).describe()

    assert [line for line in lines if line.startswith("make / ")] == steps


def test_a_bound_dev_is_left_to_its_owner() -> None:
    lines = make(Mount("/dev/", "/dev", "bind", ("rbind",))).describe()

    assert not any("devices" in line or "links" in line for line in lines)


def test_devices_are_bound_in_a_user_namespace() -> None:
    lines = make(user_namespace=True).describe()

    assert "bind devices null zero full random urandom tty in /dev" in lines


def test_devices_and_ptmx_that_are_mounted_are_not_made() -> None:
    lines = make(Mount("/dev/tty", "/t", None, ("bind",)), Mount("/dev/ptmx", "/p", None, ("bind",))).describe()

    assert lines[4:6] == [
        "make devices null zero full random urandom in /dev",
        "make links fd stdin stdout stderr in /dev",
    ]


MAP = (LinuxIDMapping(0, 1000, 1),)


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        (Mount("/", "x", None, ("bind",)), r"^mounts\[0\]\.destination: the root itself cannot be mounted over$"),
        (Mount("/a", None, None, ("bind",)), r"^mounts\[0\]\.source: a bind mount needs one$"),
        (Mount("/a"), r"^mounts\[0\]\.type: a mount that is not a bind mount needs one$"),
        (Mount("/a", "x", None, ("bind", "uid=1")), r"^mounts\[0\]\.options: a bind mount has no options of a file"),
        (Mount("/a", "x", "tmpfs", ("idmap",)), r"^mounts\[0\]\.uidMappings: only bind mounts can be idmapped$"),
        (Mount("/a", "x", None, ("bind", "idmap")), r"^mounts\[0\]: an idmapped mount needs both uidMappings and"),
        (Mount("/a", "x", None, ("bind",), MAP), r"^mounts\[0\]: an idmapped mount needs both uidMappings and"),
    ],
)
def test_mounts_that_cannot_be_are_refused(mount: Mount, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make(mount)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        (LinuxDevice("c", "/dev/x", 1), r"^linux\.devices\[0\]: a device of type 'c' needs major and minor$"),
        (LinuxDevice("b", "/dev/x", 4096, 0), r"^linux\.devices\[0\]: 4096:0 is not a device number$"),
        (LinuxDevice("p", "/dev/.."), r"^linux\.devices\[0\]\.path: a device needs a name$"),
    ],
)
def test_devices_that_cannot_be_are_refused(device: LinuxDevice, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make(devices=(device,))


def test_mappings_of_the_container_are_those_of_an_idmapped_mount_without_its_own() -> None:
    made = make(Mount("/a", "/x", None, ("rbind", "ridmap")), uid_mappings=MAP, gid_mappings=MAP)

    assert [(entry.idmap, entry.uid_mappings, entry.gid_mappings) for entry in made.outside] == [("ridmap", MAP, MAP)]


def test_sysfs_of_the_host_is_a_fallback_only_without_a_network_namespace_of_ones_own() -> None:
    sysfs = Mount("/sys", "sysfs", "sysfs")
    shared = make(sysfs, user_namespace=True)
    owned = make(sysfs, user_namespace=True, namespaces=(LinuxNamespace("network"),))

    assert [getattr(made.preparing[2], "fallback", "") for made in (shared, owned)] == ["/sys", None]


def test_a_refusal_says_what_was_tried_and_for_which_property() -> None:
    kernel = RecordingSyscall(failures={"mount": errno.EPERM})
    context = Context(kernel)

    with pytest.raises(SyscallError, match=r"^make / rslave: operation not permitted$") as caught:
        make(PROC).prepare(context)
    context.close()

    assert caught.value.to_dict() == {
        "code": "syscall-failed",
        "message": "make / rslave",
        "errno": errno.EPERM,
        "step": "mount",
        "syscall": "mount",
        "object": "/",
    }


@pytest.mark.parametrize("call", ["fsopen", "fsconfig", "fsmount", "move_mount"])
def test_each_refusal_of_a_mount_is_reported(call: str) -> None:
    kernel = RecordingSyscall(failures={call: errno.EIO})
    context = Context(kernel)
    context.root_fd = os.open("/", os.O_PATH)

    with pytest.raises(SyscallError, match=r"^mount tmpfs on /x: input/output error$") as caught:
        plan._apply([make(Mount("/x", "tmpfs", "tmpfs")).preparing[2]], context)
    context.close()

    assert (caught.value.property, caught.value.syscall, caught.value.object) == ("mounts[0]", call, "/x")


@pytest.mark.parametrize(
    ("fstype", "options", "message", "name"),
    [
        ("ext4", ("bogus",), "mounts[0].options: refused option 'bogus': mount ext4 on /x", "mounts[0].options"),
        # The mode is that of what is below: nobody has asked for it.
        ("tmpfs", (), "mount tmpfs on /x", "mounts[0]"),
    ],
    ids=["of the configuration", "of ours"],
)
def test_an_option_that_the_file_system_refuses_is_named(
    fstype: str, options: tuple[str, ...], message: str, name: str
) -> None:
    kernel = RefusingWords()
    context = Context(kernel)
    context.root_fd = os.open("/", os.O_PATH)

    with pytest.raises(SyscallError, match=rf"^{re.escape(message)}: invalid argument$") as caught:
        plan._apply([make(Mount("/x", "x", fstype, options)).preparing[2]], context)
    context.close()

    assert (caught.value.property, caught.value.syscall, caught.value.object) == (name, "fsconfig", "/x")


class RefusingWords(RecordingSyscall):
    """A kernel none of whose file systems has options."""

    def fsconfig(self, fd: int, command: int, key: str | None = None, value: str | None = None, aux: int = 0) -> None:
        if key is not None and key != "source":
            self._failures["fsconfig"] = errno.EINVAL
        super().fsconfig(fd, command, key, value, aux)


def test_a_filter_that_refuses_new_calls_gets_mount2() -> None:
    kernel = RecordingSyscall(failures={"fsopen": errno.EPERM}, results={"fstatfs_type": 0x9FA0})
    context = Context(kernel)

    plan._apply([make(PROC).preparing[2]], context)
    context.close()

    assert next(call for call in kernel.calls if call[0] == "mount")[1::2] == ("proc", "proc", None)


def test_phases_use_the_callback_and_restore_the_umask() -> None:
    kernel = RecordingSyscall(results={"umask": 0o22})
    called: list[str] = []
    context = Context(kernel, enter_cgroup_namespace=lambda: called.append("entered"))

    make(Mount("/c", "cgroup", "cgroup"), devices=()).prepare(context)
    context.close()

    assert called == ["entered"]
    assert [call for call in kernel.calls if call[0] == "umask"] == [("umask", 0), ("umask", 0o22)]


def test_entering_lets_go_of_the_hosts_tree() -> None:
    kernel = RecordingSyscall()
    context = Context(kernel)
    context.root_fd = os.open("/", os.O_PATH)

    make().enter(context)
    context.close()

    assert kernel.names() == ["fchdir", "pivot_root", "fchdir", "mount", "umount2", "chdir"]


def test_kernel_file_systems_outside_the_root_are_found() -> None:
    table = b"""\
22 1 0:21 / /proc rw,relatime shared:5 - proc proc rw
23 1 0:22 / /sys rw,relatime - sysfs sysfs rw
24 1 0:23 / /mnt\\040point/proc rw - proc proc rw
25 1 0:24 / /root/proc rw - proc proc rw
26 1 0:25 / /rootfs rw - tmpfs tmpfs rw
"""

    assert no_pivot.kernel_mounts(table, "/root") == ["/proc", "/sys", "/mnt point/proc"]


def test_mappings_in_the_form_of_crun() -> None:
    uids, gids = outside.parse_mappings("idmap=uids=0-1000-1#1-2000-10;gids=0-3-4", "mounts[0].options")

    assert uids == (LinuxIDMapping(0, 1000, 1), LinuxIDMapping(1, 2000, 10))
    assert gids == (LinuxIDMapping(0, 3, 4),)


@pytest.mark.parametrize(
    "word", ["idmap=", "idmap=uids=0-1-1", "idmap=uids=@0-1-1;gids=0-1-1", "idmap=uids=0-1-0;gids=0-0-1"]
)
def test_other_mappings_are_refused(word: str) -> None:
    with pytest.raises(SpecError, match=r"^mounts\[0\]\.options: "):
        outside.parse_mappings(word, "mounts[0].options")


def test_the_default_path_imports_nothing_slow() -> None:
    program = (
        "import sys, os, errno, __future__; before = set(sys.modules); from libcontainer.rootfs import plan, context;"
        "print(*sorted(set(sys.modules) - before))"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)

    printed = subprocess.run(
        [sys.executable, "-S", "-c", program],
        check=True, capture_output=True, text=True, env={"PYTHONPATH": path},
    ).stdout.split()  # fmt: skip

    ours = [name for name in printed if name.startswith("libcontainer.rootfs.")]
    others = {name for name in printed if not name.startswith(("libcontainer", "libcgroups"))}
    assert [name.rpartition(".")[2] for name in ours] == [
        "cgroup", "context", "devices", "inside", "mounts", "operations", "options", "plan",
    ]  # fmt: skip
    assert others == set()


def test_nothing_is_mounted_in_the_namespace_of_others() -> None:
    made = plan.make(
        Spec("1.3.0", Root("rootfs")),
        bundle="/bundle",
        rootfs="/bundle/rootfs",
        user_namespace=False,
        cgroup=CgroupView(),
        shares_mounts=True,
    )

    described = made.describe()

    assert (described[0], described[-1]) == ("open /bundle/rootfs", "chroot to the container's root")
    assert [line for line in described if line.startswith(("mount", "bind", "pivot"))] == []
