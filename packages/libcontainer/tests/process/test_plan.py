"""What is decided before the first process exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from libcgroups import TestManager as FakeManager
from libcontainer import capabilities
from libcontainer.errors import LibcontainerError, SpecError
from libcontainer.oci.spec import Hook, Hooks, Linux, LinuxIDMapping, LinuxNamespace, Process, Root, Spec
from libcontainer.process import plan
from libcontainer.process.plan import CreateOptions
from libcontainer.syscall import flags

if TYPE_CHECKING:
    from pathlib import Path

MAP = (LinuxIDMapping(container_id=0, host_id=1000, size=1),)


def _spec(*namespaces: LinuxNamespace, **changes: object) -> Spec:
    linux = Linux(namespaces=namespaces, uid_mappings=MAP, gid_mappings=MAP)
    return Spec(
        oci_version="1.0.2", root=Root("rootfs"), process=Process(cwd="/", args=("true",)), linux=linux
    ).replace(**changes)


def _plan(bundle: Path, spec: Spec, **options: object) -> plan.Plan:
    (bundle / "rootfs").mkdir(exist_ok=True)
    chosen = CreateOptions("one", str(bundle), str(bundle)).replace(**options)
    return plan.make(chosen, spec, FakeManager(), 40, capabilities.ALL)


def test_new_namespaces_are_made_by_one_clone(tmp_path: Path) -> None:
    made = _plan(tmp_path, _spec(LinuxNamespace("pid"), LinuxNamespace("mount"), LinuxNamespace("cgroup")))

    assert made.clone_flags == flags.CLONE_NEWPID | flags.CLONE_NEWNS
    assert made.new_types == {"pid", "mount", "cgroup"}
    assert not made.needs_intermediate


@pytest.mark.parametrize(
    ("namespaces", "needed"),
    [
        ([LinuxNamespace("user"), LinuxNamespace("pid")], False),
        ([LinuxNamespace("network", "/proc/1/ns/net"), LinuxNamespace("pid")], False),
        ([LinuxNamespace("user"), LinuxNamespace("network", "/proc/1/ns/net")], True),
        ([LinuxNamespace("pid", "/proc/1/ns/pid")], True),
        ([LinuxNamespace("user", "/proc/1/ns/user")], True),
        ([LinuxNamespace("time")], True),
    ],
)
def test_an_intermediate_process_is_made_only_where_it_must_be(
    namespaces: list[LinuxNamespace], needed: bool, tmp_path: Path
) -> None:
    assert _plan(tmp_path, _spec(*namespaces)).needs_intermediate is needed


def test_a_new_user_namespace_is_unshared_by_the_intermediate_process(tmp_path: Path) -> None:
    alone = _plan(tmp_path, _spec(LinuxNamespace("user"), LinuxNamespace("pid")))
    with_time = _plan(tmp_path, _spec(LinuxNamespace("user"), LinuxNamespace("time"), LinuxNamespace("pid")))

    assert alone.clone_flags == flags.CLONE_NEWUSER | flags.CLONE_NEWPID
    assert with_time.clone_flags == flags.CLONE_NEWPID


def test_init_waits_as_an_interpreter_only_for_hooks_of_its_own(tmp_path: Path) -> None:
    start = Hooks(start_container=(Hook("/x"),))

    assert not _plan(tmp_path, _spec()).stays_in_python
    assert not _plan(tmp_path, _spec(hooks=Hooks(poststop=(Hook("/x"),)))).stays_in_python
    assert _plan(tmp_path, _spec(hooks=start)).stays_in_python


@pytest.mark.parametrize(
    ("terminal", "options", "message"),
    [
        (True, {}, "cannot allocate tty if pyouki will detach without setting console socket"),
        (False, {"console_socket": "/s"}, "cannot use console socket if pyouki will not detach or allocate tty"),
    ],
)
def test_a_terminal_and_a_console_socket_belong_together(
    terminal: bool, options: dict[str, object], message: str, tmp_path: Path
) -> None:
    spec = _spec(process=Process(cwd="/", args=("true",), terminal=terminal))

    with pytest.raises(LibcontainerError) as caught:
        _plan(tmp_path, spec, **options)

    assert str(caught.value) == message


def test_a_terminal_in_the_foreground_needs_no_socket(tmp_path: Path) -> None:
    spec = _spec(process=Process(cwd="/", args=("true",), terminal=True))

    assert _plan(tmp_path, spec, is_detached=False).process.terminal


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("absent", r"invalid rootfs: stat .*/absent: no such file or directory"),
        ("/", "invalid rootfs: the root of the host"),
        ("file", r"invalid rootfs: .*/file: not a directory"),
        ("to-the-host", "invalid rootfs: the root of the host"),
    ],
)
def test_a_root_that_is_none_is_refused(path: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "to-the-host").symlink_to("/")

    with pytest.raises(SpecError, match=rf"^root\.path: {reason}$"):
        _plan(tmp_path, _spec(root=Root(path)))


def test_a_root_behind_a_link_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "link").symlink_to("rootfs")

    assert _plan(tmp_path, _spec(root=Root("link"))).rootfs == str(tmp_path / "rootfs")
