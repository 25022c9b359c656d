"""Kernel parameters and security labels, written through a private procfs."""

from __future__ import annotations

import os

import pytest

from libcontainer import apparmor, selinux, sysctl
from libcontainer.errors import LibcontainerError
from libcontainer.syscall import flags
from tests.integration.facilities import child
from tests.integration.facilities.child import SYSCALL

pytestmark = pytest.mark.root

NAMESPACES = flags.CLONE_NEWNS | flags.CLONE_NEWNET | flags.CLONE_NEWIPC


def private_procfs() -> int:
    context = SYSCALL.fsopen("proc")
    SYSCALL.fsconfig(context, flags.FSCONFIG_CMD_CREATE)
    return SYSCALL.fsmount(context)


def read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def test_parameters_of_new_namespaces_are_set_in_either_spelling() -> None:
    def write() -> list[str]:
        sysctl.apply(
            SYSCALL,
            private_procfs(),
            {"net.ipv4.ip_forward": "1", "kernel/msgmax": "12345", "net.ipv4.conf.lo.forwarding": "0"},
        )
        return [read("/proc/sys/net/ipv4/ip_forward"), read("/proc/sys/kernel/msgmax")]

    assert child.run(write, NAMESPACES) == ["1", "12345"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("net.no.such", "1", "write sysctl net.no.such = '1': no such file or directory"),
        ("kernel.msgmax", "many", "write sysctl kernel.msgmax = 'many': invalid argument"),
        ("net/../kernel/x", "1", "linux.sysctl[net/../kernel/x]: not the name of a kernel parameter"),
    ],
)
def test_refused_parameter_names_key_value_and_errno(key: str, value: str, message: str) -> None:
    def write() -> list[str | None]:
        try:
            sysctl.apply(SYSCALL, private_procfs(), {key: value})
        except LibcontainerError as error:
            return [str(error), error.property]
        return []

    assert child.run(write, NAMESPACES) == [message, f"linux.sysctl[{key}]"]


def test_decoy_procfs_is_refused(tmp_path: object) -> None:
    os.makedirs(f"{tmp_path}/sys/net")

    def write() -> str:
        fd = os.open(str(tmp_path), os.O_PATH | os.O_DIRECTORY)
        try:
            sysctl.apply(SYSCALL, fd, {"net.x": "1"})
        except LibcontainerError as error:
            return str(error)
        return "written"

    assert child.run(write) == "write sysctl: the given descriptor is not the root of a procfs"


def test_mount_over_a_parameter_is_not_written_through(tmp_path: object) -> None:
    decoy = f"{tmp_path}/decoy"
    os.close(os.open(decoy, os.O_CREAT))

    def write() -> list[object]:
        SYSCALL.mount(decoy, "/proc/sys/kernel/msgmax", None, flags.MS_BIND, None)
        fd = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
        try:
            sysctl.apply(SYSCALL, fd, {"kernel.msgmax": "1"})
        except LibcontainerError as error:
            return [str(error), read(decoy)]
        return ["written", read(decoy)]

    assert child.run(write, NAMESPACES) == ["write sysctl kernel.msgmax = '1': invalid cross-device link", ""]


@pytest.mark.skipif(apparmor.is_enabled(), reason="AppArmor is enabled here")
def test_profile_without_apparmor_is_an_error_that_says_so() -> None:
    def apply() -> list[str | None]:
        try:
            apparmor.apply_profile(SYSCALL, private_procfs(), "docker-default")
        except LibcontainerError as error:
            return [str(error), error.hint]
        return []

    assert child.run(apply, flags.CLONE_NEWNS) == [
        "process.apparmorProfile: profile 'docker-default' was asked for, but AppArmor is not enabled on this host",
        "remove the profile, or boot with lsm=…,apparmor",
    ]


@pytest.mark.skipif(not apparmor.is_enabled(), reason="AppArmor is not enabled here")
def test_unconfined_profile_is_accepted_and_a_missing_one_is_told() -> None:
    def apply() -> list[str | None]:
        apparmor.apply_profile(SYSCALL, private_procfs(), "unconfined")
        try:
            apparmor.apply_profile(SYSCALL, private_procfs(), "pyouki-test-nosuch")
        except LibcontainerError as error:
            return [str(error), error.hint]
        return []

    assert child.run(apply, flags.CLONE_NEWNS) == [
        "apply AppArmor profile 'pyouki-test-nosuch': no such file or directory",
        "the profile is not loaded, see apparmor_parser(8)",
    ]


@pytest.mark.skipif(selinux.is_enabled(SYSCALL), reason="SELinux is enabled here")
def test_label_without_selinux_is_an_error() -> None:
    def apply() -> str:
        try:
            selinux.apply_label(SYSCALL, private_procfs(), "system_u:system_r:container_t:s0")
        except LibcontainerError as error:
            return str(error)
        return "accepted"

    assert child.run(apply, flags.CLONE_NEWNS) == (
        "set SELinux label 'system_u:system_r:container_t:s0' (attr/keycreate): invalid argument"
    )
