from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libcgroups.errors import ResourceError
from libcgroups.resources import (
    LinuxBlockIO,
    LinuxCPU,
    LinuxDeviceCgroup,
    LinuxMemory,
    LinuxPids,
    LinuxResources,
    LinuxWeightDevice,
)
from libcgroups.systemd import names, properties
from libcgroups.systemd.dbus_native.serialize import Variant
from libcgroups.systemd.names import CgroupsPathError
from libcgroups.systemd.properties import INFINITY

if TYPE_CHECKING:
    from pathlib import Path

NOT_ALLOWED = "not a property that an annotation may set"

# A busy machine says nothing about the code.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def number(value: int) -> Variant:
    return Variant("t", value)


def v2(resources: LinuxResources, version: int = 252) -> dict[str, Variant]:
    return dict(properties.from_resources(resources, version, is_unified=True))


def test_limits_of_a_docker_container_become_properties() -> None:
    resources = LinuxResources(
        cpu=LinuxCPU(shares=512, quota=50000, period=100000, cpus="0,8", mems="0"),
        memory=LinuxMemory(limit=100, reservation=50, swap=300),
        pids=LinuxPids(limit=9),
        block_io=LinuxBlockIO(weight=100, weight_device=[LinuxWeightDevice(8, 16, 1000)]),
    )

    assert v2(resources) == {
        "CPUWeight": number(59),
        "CPUQuotaPeriodUSec": number(100000),
        "CPUQuotaPerSecUSec": number(500000),
        "AllowedCPUs": Variant("ay", b"\x01\x01"),
        "AllowedMemoryNodes": Variant("ay", b"\x01"),
        "MemoryMax": number(100),
        "MemoryLow": number(50),
        "MemorySwapMax": number(200),
        "TasksMax": number(9),
        "IOWeight": number(910),
        "IODeviceWeight": Variant("a(st)", [("/dev/block/8:16", 10000)]),
    }


def test_the_same_limits_on_v1() -> None:
    resources = LinuxResources(
        cpu=LinuxCPU(shares=512, quota=-1, cpus="0"),
        memory=LinuxMemory(limit=100, swap=300),
        pids=LinuxPids(limit=-1),
        block_io=LinuxBlockIO(weight=100, weight_device=[LinuxWeightDevice(8, 16, 1000)]),
    )

    assert dict(properties.from_resources(resources, 252, is_unified=False)) == {
        "CPUShares": number(512),
        "CPUQuotaPerSecUSec": number(INFINITY),
        "MemoryLimit": number(100),
        "TasksMax": number(INFINITY),
        "BlockIOWeight": number(100),
    }


def test_an_old_systemd_is_not_asked_for_what_it_does_not_know() -> None:
    resources = LinuxResources(cpu=LinuxCPU(quota=50000, period=100000, cpus="0", idle=1))

    assert v2(resources, version=239) == {"CPUQuotaPerSecUSec": number(500000)}


@pytest.mark.parametrize(
    ("quota", "period", "per_second"),
    [(12345, 100000, 130000), (1, 100000, 10000), (100000, 0, 1000000), (0, 50000, INFINITY), (-1, 0, INFINITY)],
)
def test_quotas_are_rounded_up_to_percents(quota: int, period: int, per_second: int) -> None:
    assert dict(properties.quota_properties(quota, period, 240)) == {"CPUQuotaPerSecUSec": number(per_second)}


def test_unified_files_that_systemd_knows_become_properties() -> None:
    unified = {
        "memory.high": "max",
        "memory.min": "1\n",
        "cpu.max": "max 20000",
        "cpuset.cpus": "1-3",
        "pids.max": "4",
        "hugetlb.2MB.max": "0",
    }

    assert v2(LinuxResources(pids=LinuxPids(limit=9), unified=unified)) == {
        "MemoryHigh": number(INFINITY),
        "MemoryMin": number(1),
        "CPUQuotaPeriodUSec": number(20000),
        "CPUQuotaPerSecUSec": number(INFINITY),
        "AllowedCPUs": Variant("ay", b"\x0e"),
        "TasksMax": number(4),
    }


def test_an_idle_cgroup_has_no_weight() -> None:
    assert v2(LinuxResources(cpu=LinuxCPU(idle=1))) == {"CPUWeight": number(0)}
    assert v2(LinuxResources(unified={"cpu.idle": "1"})) == {"CPUWeight": number(0)}


def test_a_bad_value_of_unified_is_named() -> None:
    with pytest.raises(ResourceError, match=r"^linux\.resources\.unified\['memory\.max'\]: not a valid value: 'much'$"):
        v2(LinuxResources(unified={"memory.max": "much"}))


@pytest.mark.parametrize(
    ("version", "group", "policy"),
    [(252, "1", []), (253, "1", ["kill"]), (253, "0", ["continue"]), (253, "", [])],
)
def test_the_oom_group_becomes_a_policy(version: int, group: str, policy: list[str]) -> None:
    found = properties.oom_policy({"memory.oom.group": group}, version)

    assert found == [("OOMPolicy", Variant("s", each)) for each in policy]


@unhurried
@given(st.sets(st.integers(0, 300), min_size=1))
def test_processors_become_bits(numbers: set[int]) -> None:
    mask = properties.to_bitmask(",".join(map(str, numbers)))

    assert {8 * index + bit for index, byte in enumerate(mask) for bit in range(8) if byte >> bit & 1} == numbers
    assert mask[-1]


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1-", "0-8192", "1,,2"])
def test_bad_lists_of_processors_are_refused(text: str) -> None:
    with pytest.raises(ResourceError, match=r"^linux\.resources\.cpu: list of numbers "):
        properties.to_bitmask(text)


def test_scopes_are_delegated_and_slices_are_not() -> None:
    scope = dict(properties.unit_properties("a.scope", "b.slice", "d", [7], is_unified=True))
    slice_ = dict(properties.unit_properties("a.slice", "b.slice", "d", [], is_unified=False))

    yes, no = Variant("b", True), Variant("b", False)
    assert scope == {
        "Description": Variant("s", "d"),
        "Slice": Variant("s", "b.slice"),
        "Delegate": yes,
        "PIDs": Variant("au", [7]),
        "CPUAccounting": yes,
        "MemoryAccounting": yes,
        "TasksAccounting": yes,
        "IOAccounting": yes,
        "DefaultDependencies": no,
    }
    assert slice_ == {
        "Description": Variant("s", "d"),
        "Wants": Variant("as", ["b.slice"]),
        "CPUAccounting": yes,
        "MemoryAccounting": yes,
        "TasksAccounting": yes,
        "BlockIOAccounting": yes,
        "DefaultDependencies": no,
    }


def test_device_rules_become_lists_on_v1() -> None:
    rules = [LinuxDeviceCgroup(allow=False, access="rwm"), LinuxDeviceCgroup(True, "b", 8, 0, "rw")]

    policy, (name, allowed) = properties.from_devices(rules)

    assert policy == ("DevicePolicy", Variant("s", "strict"))
    assert name == "DeviceAllow"
    assert isinstance(allowed.value, list)
    assert allowed.value[:5] == [
        ("/dev/block/8:0", "rw"),
        ("char-*", "m"),
        ("block-*", "m"),
        ("/dev/char/1:3", "rwm"),
        ("/dev/char/1:5", "rwm"),
    ]
    assert ("char-pts", "rwm") in allowed.value


def test_a_privileged_container_has_no_device_policy() -> None:
    assert properties.from_devices([LinuxDeviceCgroup(allow=True, access="rwm")]) == [
        ("DevicePolicy", Variant("s", "auto")),
        ("DeviceAllow", Variant("a(ss)", [])),
    ]


def test_names_of_drivers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "devices"
    path.write_text("Character devices:\n  1 mem\n136 pts\n\nBlock devices:\n  8 sd\n259 blkext\n")

    assert properties.read_device_groups(str(path)) == {
        "char-1": "mem",
        "char-136": "pts",
        "block-8": "sd",
        "block-259": "blkext",
    }


def test_annotations_become_properties() -> None:
    annotations = [
        ("org.systemd.property.CollectMode", "'inactive-or-failed'"),
        ("org.systemd.property.TimeoutStopSec", "1.5"),
        ("org.systemd.property.RuntimeMaxUSec", "uint64 7"),
        ("io.kubernetes.cri.container-type", "sandbox"),
    ]

    assert properties.from_annotations(annotations) == [
        ("CollectMode", Variant("s", "inactive-or-failed")),
        ("TimeoutStopUSec", number(1500000)),
        ("RuntimeMaxUSec", number(7)),
    ]


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (("org.systemd.property.X1Y", "1"), NOT_ALLOWED),
        (("org.systemd.property.After", "foo.service"), r"gvariant 'foo\.service': expected a value .*"),
        (("org.systemd.property.TimeoutStopSec", "'soon'"), r"expected a number of seconds"),
        (("org.systemd.property.TimeoutStopSec", "-1"), r"expected a number of seconds"),
    ],
)
def test_bad_annotations_are_refused(annotation: tuple[str, str], message: str) -> None:
    with pytest.raises(ResourceError, match=f"^annotation {annotation[0]}: {message}$") as caught:
        properties.from_annotations([annotation])

    assert caught.value.property == f"annotations[{annotation[0]}]"


@pytest.mark.parametrize(
    "name",
    [
        *("ExecStop", "ExecStopPost", "ExecStartPre"),  # a program; refused by systemd, too, for a scope
        *("User", "Group"),  # gives the cgroup to somebody on the host
        *("SuccessAction", "FailureAction", "JobTimeoutAction"),  # restarts or halts the machine
        *("Wants", "Requires", "Conflicts", "OnSuccess", "OnFailure", "PropagatesStopTo"),  # starts or stops others
        *("PIDs", "Slice", "Controller"),  # other processes, another place, another owner
        *("DeviceAllow", "DevicePolicy", "IPAddressAllow"),  # what was forbidden
        *("IPIngressFilterPath", "BPFProgram", "NFTSet"),  # the kernel's
    ],
)
def test_property_that_reaches_the_host_is_refused(name: str) -> None:
    with pytest.raises(ResourceError, match=f"^annotation org.systemd.property.{name}: {NOT_ALLOWED}$"):
        properties.from_annotations([(f"org.systemd.property.{name}", "'x'")])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        # Podman, CRI-O and containerd set these.
        ("KillSignal", "15", Variant("i", 15)),
        ("TimeoutStopUSec", "uint64 10000000", number(10_000_000)),
        ("CollectMode", "'inactive-or-failed'", Variant("s", "inactive-or-failed")),
        ("DefaultDependencies", "true", Variant("b", True)),
        ("After", "['crio.service']", Variant("as", ["crio.service"])),
        ("Delegate", "true", Variant("b", True)),
    ],
)
def test_properties_that_engines_set_pass(name: str, text: str, expected: Variant) -> None:
    assert properties.from_annotations([(f"org.systemd.property.{name}", text)]) == [(name, expected)]


@pytest.mark.parametrize(
    ("path", "unit", "slice_name"),
    [
        ("", "pyouki-c1.scope", "system.slice"),
        ("system.slice:docker:abc", "docker-abc.scope", "system.slice"),
        (":docker:abc", "docker-abc.scope", "system.slice"),
        ("user.slice::abc", "abc.scope", "user.slice"),
        ("kubepods-burstable.slice:cri-containerd:abc", "cri-containerd-abc.scope", "kubepods-burstable.slice"),
        ("-.slice:x:pod-a.slice", "pod-a.slice", "-.slice"),
    ],
)
def test_paths_name_unit_and_slice(path: str, unit: str, slice_name: str) -> None:
    assert names.parse_cgroups_path(path, "c1", "system.slice") == (unit, slice_name)


@pytest.mark.parametrize(
    "path", ["/a/b", "a:b", "a.slice::../b", "a/b.slice:x:y", "noslice:x:y", "a--b.slice:x:y", "::", f"::{'a' * 250}"]
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(CgroupsPathError):
        names.parse_cgroups_path(path, "c1", "system.slice")


@pytest.mark.parametrize(
    ("slice_name", "path"),
    [("-.slice", ""), ("a.slice", "/a.slice"), ("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice")],
)
def test_slices_are_expanded(slice_name: str, path: str) -> None:
    assert names.expand_slice(slice_name) == path
