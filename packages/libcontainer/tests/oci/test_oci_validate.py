"""The rules of a configuration, one by one."""

from __future__ import annotations

import copy
import json
import pathlib
from typing import Any

import pytest

from libcontainer.errors import SpecError
from libcontainer.oci import decode, load, spec, validate
from libcontainer.oci.validate import lists, net_devices

DATA = pathlib.Path(__file__).parent.parent / "data"
EVERY = json.loads((DATA / "every-property.json").read_text())
CONFIGS = sorted((DATA / "configs").glob("*.json"))


def changed(path: str, value: object) -> spec.Spec:
    """Return the configuration with every property and one of them changed, or taken away when value is ``...``."""
    document = copy.deepcopy(EVERY)
    *outer, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    container: Any = document
    for part in outer:
        container = container[part]
    if value is ...:
        del container[last]
    else:
        container[last] = value
    return decode.decode(spec.Spec, document)


def without_namespace(kind: str) -> spec.Spec:
    return changed("linux/namespaces", [entry for entry in EVERY["linux"]["namespaces"] if entry["type"] != kind])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_engines_wrote_is_valid(path: pathlib.Path) -> None:
    if path.name.endswith(".process.json"):
        validate.validate_process(load.load_process(path))
    elif path.name.endswith(".resources.json"):
        validate.validate_resources(load.load_resources(path))
    else:
        validate.validate(load.load(path))


def test_configuration_with_every_property_is_valid() -> None:
    validate.validate(decode.decode(spec.Spec, EVERY))


FAULTS: list[tuple[str, object, str]] = [
    ("ociVersion", "2.0.0", "ociVersion: expected a version 1.x.y of the specification, got '2.0.0'"),
    ("ociVersion", "1.0", "ociVersion: expected a version 1.x.y of the specification, got '1.0'"),
    ("ociVersion", "1.03.0", "ociVersion: expected a version 1.x.y of the specification, got '1.03.0'"),
    ("ociVersion", "1.0.0-", "ociVersion: expected a version 1.x.y of the specification, got '1.0.0-'"),
    ("root/path", "", "root.path: must not be empty"),
    ("process", ..., "process: process property must not be empty"),
    ("process/args", ..., "process.args: args must not be empty"),
    ("process/args", [], "process.args: args must not be empty"),
    ("process/cwd", "tmp", "process.cwd: Cwd must be an absolute path"),
    ("process/env/1", "NOEQ", "process.env[1]: invalid environment variable 'NOEQ': missing '='"),
    ("process/env/1", "=x", "process.env[1]: invalid environment variable: name cannot be empty"),
    ("process/env/1", "A=s\0t", "process.env[1]: invalid environment variable 'A': holds a NUL character"),
    ("process/consoleSize/height", 70000, "process.consoleSize.height: expected at most 65535"),
    (
        "process/rlimits",
        [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}] * 2,
        "process.rlimits[1].type: duplicated rlimit RLIMIT_CPU",
    ),
    (
        "process/rlimits/0/soft",
        4096,
        "process.rlimits[0].soft: soft limit 4096 of RLIMIT_NOFILE exceeds the hard limit 2048",
    ),
    (
        "process/scheduler/nice",
        5,
        "process.scheduler.nice: only SCHED_OTHER and SCHED_BATCH have a nice value, not SCHED_DEADLINE",
    ),
    ("process/scheduler", {"policy": "SCHED_OTHER", "nice": 20}, "process.scheduler.nice: expected -20 to 19, got 20"),
    (
        "process/scheduler",
        {"policy": "SCHED_FIFO"},
        "process.scheduler.priority: expected 1 to 99 for SCHED_FIFO, got 0",
    ),
    (
        "process/scheduler",
        {"policy": "SCHED_IDLE", "priority": 1},
        "process.scheduler.priority: only SCHED_FIFO and SCHED_RR have a priority, not SCHED_IDLE",
    ),
    (
        "process/scheduler",
        {"policy": "SCHED_RR", "priority": 1, "period": 5},
        "process.scheduler.period: only SCHED_DEADLINE has a period, not SCHED_RR",
    ),
    (
        "process/scheduler/runtime",
        25,
        "process.scheduler.runtime: SCHED_DEADLINE needs 0 < runtime <= deadline <= period",
    ),
    (
        "process/execCPUAffinity/final",
        "3-1",
        "process.execCPUAffinity.final: expected a list of processors such as '0-3,7', got '3-1'",
    ),
    ("hostname", "h" * 65, "hostname: longer than 64 bytes"),
    ("annotations/", "x", "annotations: a key must not be empty"),
    ("mounts/0/destination", "", "mounts[0].destination: must not be empty"),
    ("mounts/0/destination", "/x/..", "mounts[0].destination: nothing can be mounted over the root of the container"),
    (
        "mounts/0/destination",
        "proc/self",
        'mounts[0].destination: "/proc/self" cannot be mounted because it is inside /proc',
    ),
    ("mounts/0/uidMappings", ..., "mounts[0].uidMappings: uidMappings and gidMappings are needed together"),
    ("mounts/0/options", ["ro"], "mounts[0].options: only bind mounts can be idmapped"),
    ("mounts/0/gidMappings/0/size", 0, "mounts[0].gidMappings[0].size: must not be 0"),
    ("hooks/poststop/0/path", "hook", "hooks.poststop[0].path: expected an absolute path, got 'hook'"),
    ("linux/namespaces/0/type", "ipc", 'linux.namespaces[3]: malformed spec file: duplicated ns {"ipc" ""}'),
    ("linux/namespaces/1/path", "ns", "linux.namespaces[1].path: expected an absolute path, got 'ns'"),
    (
        "linux/uidMappings",
        ...,
        "linux.uidMappings: user namespaces enabled, but no namespace path or uidMappings given",
    ),
    ("linux/uidMappings/0/size", 2**32 - 1, "linux.uidMappings[0].size: the range ends beyond the last id, 4294967294"),
    (
        "linux/gidMappings",
        [{"containerID": 0, "hostID": 0, "size": 5}, {"containerID": 4, "hostID": 9, "size": 1}],
        "linux.gidMappings: the ranges of containerID from 0 and from 4 overlap",
    ),
    (
        "linux/timeOffsets/boottime/nanosecs",
        10**9,
        "linux.timeOffsets.boottime.nanosecs: expected less than a second, got 1000000000",
    ),
    ("linux/namespaces/7/path", "/ns", "linux.timeOffsets: offsets of an existing time namespace cannot be changed"),
    ("linux/devices/0/minor", ..., "linux.devices[0].minor: a device of type c needs a minor number"),
    ("linux/devices/0/major", 4096, "linux.devices[0].major: expected 0 to 4095, got 4096"),
    ("linux/devices/1/path", "pipe", "linux.devices[1].path: expected an absolute path, got 'pipe'"),
    ("linux/maskedPaths/0", "proc", "linux.maskedPaths[0]: expected an absolute path, got 'proc'"),
    ("linux/cgroupsPath", "/a/../../b", "linux.cgroupsPath: must not hold '..', got '/a/../../b'"),
    (
        "linux/personality/flags",
        ["X"],
        "linux.personality.flags: no flag is supported, the specification reserves them",
    ),
    ("linux/netDevices/eth0/name", "a:b", "linux.netDevices: 'a:b' is not a name of a network device"),
    ("linux/netDevices/eth1", {"name": "lan0"}, "linux.netDevices: two devices cannot both be named 'lan0'"),
    ("linux/intelRdt/closID", "../a", "linux.intelRdt.closID: expected the name of a directory, got '../a'"),
    (
        "linux/intelRdt/memBwSchema",
        "L3:0",
        "linux.intelRdt.memBwSchema: expected one line that starts with 'MB:', got 'L3:0'",
    ),
    ("linux/intelRdt/schemata/0", "a\nb", "linux.intelRdt.schemata[0]: must not hold a line break"),
    ("linux/memoryPolicy/nodes", ..., "linux.memoryPolicy.nodes: must not be empty for MPOL_BIND"),
    ("linux/memoryPolicy/nodes", "a", "linux.memoryPolicy.nodes: expected a list such as '0-1,3', got 'a'"),
    (
        "linux/memoryPolicy",
        {"mode": "MPOL_LOCAL", "nodes": "0"},
        "linux.memoryPolicy.nodes: must be empty for MPOL_LOCAL",
    ),
    ("linux/sysctl/vm.swappiness", "1", 'linux.sysctl: sysctl "vm.swappiness" is not in a separate kernel namespace'),
    (
        "linux/sysctl/kernel.hostname",
        "x",
        'linux.sysctl: sysctl "kernel.hostname" conflicts with the OCI "hostname" field',
    ),
    ("linux/sysctl/net..kernel", "x", 'linux.sysctl: sysctl "net..kernel" is not a name of a parameter'),
    (
        "linux/seccomp/defaultAction",
        "SCMP_ACT_NOTIFY",
        "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be used as default action",
    ),
    ("linux/seccomp/defaultErrnoRet", 4096, "linux.seccomp.defaultErrnoRet: expected at most 4095, got 4096"),
    ("linux/seccomp/listenerPath", ..., "linux.seccomp.listenerMetadata: listenerMetadata needs a listenerPath"),
    ("linux/seccomp/syscalls/0/names", [], "linux.seccomp.syscalls[0].names: must not be empty"),
    (
        "linux/seccomp/syscalls/0/errnoRet",
        1,
        (
            "linux.seccomp.syscalls[0].errnoRet: "
            "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE return a number, not SCMP_ACT_ALLOW"
        ),
    ),
    ("linux/seccomp/syscalls/1/args/0/index", 6, "linux.seccomp.syscalls[1].args[0].index: expected 0 to 5, got 6"),
    (
        "linux/seccomp/syscalls/1/args/0/op",
        "SCMP_CMP_EQ",
        "linux.seccomp.syscalls[1].args[0].valueTwo: has no meaning for SCMP_CMP_EQ",
    ),
    (
        "linux/seccomp/syscalls/0",
        {"names": ["write"], "action": "SCMP_ACT_NOTIFY"},
        "linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY cannot be used for the write syscall",
    ),
    ("linux/resources/devices/0/access", "", "linux.resources.devices[0].access: expected some of r, w, m, got ''"),
    ("linux/resources/devices/1/type", "u", "linux.resources.devices[1].type: expected one of a, b, c, got 'u'"),
    ("linux/resources/memory/swap", 5, "linux.resources.memory.swap: memory+swap limit should be >= memory limit"),
    ("linux/resources/memory/swappiness", 101, "linux.resources.memory.swappiness: expected at most 100, got 101"),
    (
        "linux/resources/memory/limit",
        -2,
        "linux.resources.memory.limit: expected a number of bytes or -1 for unlimited, got -2",
    ),
    ("linux/resources/cpu/cpus", "0-", "linux.resources.cpu.cpus: expected a list such as '0-3,7', got '0-'"),
    ("linux/resources/cpu/burst", 60000, "linux.resources.cpu.burst: expected at most the quota, 50000, got 60000"),
    ("linux/resources/cpu/idle", 1, "linux.resources.cpu.idle: an idle cgroup cannot have shares"),
    ("linux/resources/blockIO/weight", 5, "linux.resources.blockIO.weight: expected 10 to 1000, got 5"),
    (
        "linux/resources/blockIO/weightDevice/0",
        {"major": 8, "minor": 0},
        "linux.resources.blockIO.weightDevice[0]: weight or leafWeight is needed",
    ),
    (
        "linux/resources/hugepageLimits/0/pageSize",
        "02MB",
        "linux.resources.hugepageLimits[0].pageSize: expected a size such as '2MB', got '02MB'",
    ),
    ("linux/resources/rdma/mlx5_1", {}, "linux.resources.rdma: device 'mlx5_1' needs hcaHandles or hcaObjects"),
    ("linux/resources/unified/..", "1", "linux.resources.unified: expected the name of a file of the cgroup, got '..'"),
]


@pytest.mark.parametrize(("path", "value", "message"), FAULTS, ids=[f"{fault[0]}={fault[1]}"[:60] for fault in FAULTS])
def test_fault_is_found_and_named(path: str, value: object, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        validate.validate(changed(path, value))

    assert message in caught.value.errors


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("uts", "hostname: unable to set hostname without a private UTS namespace"),
        ("uts", "domainname: unable to set domainname without a private UTS namespace"),
        ("mount", "linux.maskedPaths: unable to restrict sys entries without a private MNT namespace"),
        ("mount", "linux.readonlyPaths: unable to restrict sys entries without a private MNT namespace"),
        ("time", "linux.timeOffsets: time namespace offsets specified, but time namespace isn't enabled in the config"),
        (
            "user",
            "linux.uidMappings: user namespace mappings specified, but user namespace isn't enabled in the config",
        ),
        ("network", "linux.netDevices: unable to move network devices without a private NET namespace"),
        (
            "network",
            (
                'linux.sysctl: sysctl "net.ipv4.ip_forward" is not in a separate kernel namespace: '
                "it needs one of type network"
            ),
        ),
    ],
)
def test_property_without_its_namespace_is_refused(kind: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        validate.validate(without_namespace(kind))

    assert message in caught.value.errors


def test_all_faults_are_told_by_one_error() -> None:
    bad = decode.decode(
        spec.Spec, {"ociVersion": "9.9.9", "root": {"path": ""}, "process": {"cwd": "x", "args": ["a"]}}
    )

    with pytest.raises(SpecError, match=r"^ociVersion: ") as caught:
        validate.validate(bad)

    assert [error.partition(":")[0] for error in caught.value.errors] == ["ociVersion", "root.path", "process.cwd"]


def test_value_of_a_variable_is_never_shown() -> None:
    with pytest.raises(SpecError) as caught:
        validate.validate(changed("process/env/0", "TOKEN=secret\0"))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev", "1.3.0+dev", "1.2.1-rc.1+build.5"])
def test_versions_of_the_specification_are_accepted(version: str) -> None:
    validate.validate(changed("ociVersion", version))


def test_idmapped_mount_without_mappings_needs_a_user_namespace() -> None:
    mount = spec.Mount("/data", "/srv", options=("bind", "idmap"))
    process = spec.Process("/", ("true",))
    shared = spec.Spec("1.3.0", spec.Root("r"), process, mounts=(mount,))

    with pytest.raises(SpecError, match=r"^mounts\[0\]\.options: an idmapped mount needs uidMappings and gidMappings"):
        validate.validate(shared)


@pytest.mark.parametrize(
    "key", ["net/ipv4/ip_forward", "net.ipv4.conf.eth0/1.mtu", "kernel/shm_rmid_forced", "user.max"]
)
def test_sysctl_may_be_written_with_dots_or_slashes(key: str) -> None:
    validate.validate(changed("linux/sysctl", {key: "1"}))


@pytest.mark.parametrize(
    "key", ["net/../kernel/core_pattern", "net.//.kernel", "net..a", "net/", "net", "kernel.core_pattern"]
)
def test_sysctl_that_leads_out_of_the_namespaces_is_refused(key: str) -> None:
    with pytest.raises(SpecError, match=r"^linux\.sysctl: sysctl .* is not "):
        validate.validate(changed("linux/sysctl", {key: "1"}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", True),
        ("0-3, 7", True),
        ("", False),
        ("1,", False),
        ("3-1", False),
        ("a", False),
        ("-1", False),
        ("1-2-3", False),
    ],
)
def test_lists_of_processors_are_told_from_other_text(text: str, expected: bool) -> None:
    assert lists.is_list(text) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("eth0", True), ("lan%d", True), ("a" * 16, False), ("", False), (".", False), ("a b", False), ("a/b", False)],
)
def test_names_of_network_devices_are_those_of_the_kernel(name: str, expected: bool) -> None:
    assert net_devices.is_interface_name(name) is expected
