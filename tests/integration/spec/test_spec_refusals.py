"""What the specification, or good sense where it is silent, makes an error of create; and that nothing is left then.

The set-up of these tests compares processes, cgroups, mounts, descriptors and directories before and after. More cases
stand beside the properties that they are about.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

every, linux, process, top = mutations.every, mutations.linux, mutations.process, mutations.top


def without(*path: str) -> mutations.Mutation:
    """Remove a property."""

    def mutate(config: Json) -> None:
        inner = config
        for name in path[:-1]:
            inner = inner[name]
        del inner[path[-1]]

    return mutate


def mounted(**entry: object) -> mutations.Mutation:
    return lambda config: config["mounts"].append(entry)


def scheduler(**properties: object) -> mutations.Mutation:
    return process(scheduler=properties)


def rlimits(*entries: tuple[str, int, int]) -> mutations.Mutation:
    return process(rlimits=[{"type": kind, "soft": soft, "hard": hard} for kind, soft, hard in entries])


def _time(**offsets: object) -> mutations.Mutation:
    return every(mutations.namespace("time"), linux(timeOffsets=offsets))


_SPACES = [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]
CASES: dict[str, tuple[mutations.Mutation, str]] = {
    # The document.
    "version-absent": (without("ociVersion"), "ociVersion"),
    "version-2": (top(ociVersion="2.0.0"), "ociVersion"),
    "version-no-semver": (top(ociVersion="1.0"), "ociVersion"),
    "version-number": (top(ociVersion=1), "ociVersion"),
    "root-absent": (without("root"), "root"),
    "root-path-absent": (without("root", "path"), "root.path"),
    "root-path-empty": (top(root={"path": ""}), "root.path"),
    "root-path-missing": (top(root={"path": "nothing"}), "root.path"),
    "root-path-a-file": (top(root={"path": "config.json"}), "root.path"),
    "root-path-the-hosts": (top(root={"path": "/"}), "root.path"),
    "root-readonly-text": (top(root={"path": "rootfs", "readonly": "yes"}), "root.readonly"),
    "process-absent": (without("process"), "process"),
    "hostname-number": (top(hostname=5), "hostname"),
    "hostname-too-long": (top(hostname="x" * 65), "hostname"),
    "hostname-of-the-host": (mutations.without_namespace("uts"), "hostname"),
    "domainname-of-the-host": (
        every(mutations.without_namespace("uts"), without("hostname"), top(domainname="a.b")),
        "domainname",
    ),
    "annotation-without-a-key": (top(annotations={"": "x"}), "annotations"),
    "annotation-number": (top(annotations={"a": 1}), "annotations.a"),
    # Mounts.
    "mount-no-destination": (mounted(type="tmpfs", source="tmpfs"), "mounts[7].destination"),
    "mount-over-the-root": (mounted(destination="/", type="tmpfs", source="x"), "mounts[7].destination"),
    "mount-over-the-root-hidden": (mounted(destination="/a/..", type="tmpfs", source="x"), "mounts[7].destination"),
    "mount-over-proc": (mounted(destination="/proc", type="tmpfs", source="x"), "mounts[7].destination"),
    "mount-in-proc": (
        mounted(destination="/proc/self/attr", type="bind", source="/etc", options=["bind"]),
        "mounts[7].destination",
    ),
    "mount-no-source": (mounted(destination="/mnt", options=["bind"]), "mounts[7].source"),
    "mount-missing-source": (mounted(destination="/mnt", source="/no/such", options=["bind"]), "mounts[7].source"),
    "mount-no-type": (mounted(destination="/mnt", source="x"), "mounts[7].type"),
    "mount-unknown-type": (mounted(destination="/mnt", type="nofs", source="x"), "mounts[7]"),
    "mount-unknown-option": (
        mounted(destination="/mnt", type="tmpfs", source="x", options=["bogus"]),
        "mounts[7].options",
    ),
    "mount-bind-with-data": (
        mounted(destination="/mnt", source="/etc", options=["bind", "size=1m"]),
        "mounts[7].options",
    ),
    # The process.
    "args-absent": (without("process", "args"), "process.args"),
    "args-empty": (process(args=[]), "process.args"),
    "cwd-absent": (without("process", "cwd"), "process.cwd"),
    "cwd-relative": (process(cwd="tmp"), "process.cwd"),
    "env-no-equals-sign": (process(env=["NAME"]), "process.env[0]"),
    "env-no-name": (process(env=["=x"]), "process.env[0]"),
    "uid-negative": (process(user={"uid": -1, "gid": 0}), "process.user.uid"),
    "uid-no-change": (process(user={"uid": 2**32 - 1, "gid": 0}), "process.user.uid"),
    "gid-text": (process(user={"uid": 0, "gid": "0"}), "process.user.gid"),
    "rlimit-unknown": (rlimits(("RLIMIT_BOGUS", 1, 1)), "process.rlimits[0].type"),
    "rlimit-twice": (rlimits(("RLIMIT_CPU", 1, 1), ("RLIMIT_CPU", 2, 2)), "process.rlimits[1].type"),
    "rlimit-soft-above-hard": (rlimits(("RLIMIT_CPU", 2, 1)), "process.rlimits[0].soft"),
    "oom-score": (process(oomScoreAdj=1001), "process.oomScoreAdj"),
    "console-size": (process(terminal=True, consoleSize={"height": 70000, "width": 1}), "process.consoleSize.height"),
    "scheduler-no-policy": (scheduler(nice=1), "process.scheduler.policy"),
    "scheduler-unknown-policy": (scheduler(policy="SCHED_BOGUS"), "process.scheduler.policy"),
    "scheduler-unknown-flag": (scheduler(policy="SCHED_OTHER", flags=["SCHED_FLAG_X"]), "process.scheduler.flags[0]"),
    "scheduler-nice-of-fifo": (scheduler(policy="SCHED_FIFO", nice=1), "process.scheduler.nice"),
    "scheduler-nice-range": (scheduler(policy="SCHED_OTHER", nice=20), "process.scheduler.nice"),
    "scheduler-priority-of-other": (scheduler(policy="SCHED_OTHER", priority=1), "process.scheduler.priority"),
    "scheduler-runtime-of-rr": (scheduler(policy="SCHED_RR", priority=1, runtime=1), "process.scheduler.runtime"),
    "io-class": (process(ioPriority={"class": "IOPRIO_CLASS_X", "priority": 1}), "process.ioPriority.class"),
    "io-level": (process(ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 8}), "process.ioPriority.priority"),
    "affinity-form": (process(execCPUAffinity={"initial": "a-b"}), "process.execCPUAffinity.initial"),
    "affinity-backwards": (process(execCPUAffinity={"final": "3-1"}), "process.execCPUAffinity.final"),
    # Namespaces and ids.
    "namespace-unknown": (mutations.namespace("bogus"), "linux.namespaces[5].type"),
    "namespace-twice": (linux(namespaces=[*_SPACES, {"type": "pid"}]), "linux.namespaces[5]"),
    "namespace-relative": (mutations.namespace("ipc", "run/x"), "linux.namespaces[4].path"),
    "namespace-missing": (mutations.namespace("ipc", "/no/such"), "linux.namespaces[4].path"),
    "user-no-mappings": (mutations.namespace("user"), "linux.uidMappings"),
    "mappings-no-user": (
        linux(uidMappings=[{"containerID": 0, "hostID": 1, "size": 1}]),
        "linux.uidMappings",
    ),
    "mapping-size": (
        every(mutations.user_namespace(), linux(uidMappings=[{"containerID": 0, "hostID": 1, "size": 0}])),
        "linux.uidMappings[0].size",
    ),
    "time-no-namespace": (linux(timeOffsets={"monotonic": {"secs": 1}}), "linux.timeOffsets"),
    "time-of-another": (
        every(mutations.namespace("time", "/proc/self/ns/time"), linux(timeOffsets={"monotonic": {"secs": 1}})),
        "linux.timeOffsets",
    ),
    "time-nanoseconds": (_time(monotonic={"nanosecs": 10**9}), "linux.timeOffsets.monotonic.nanosecs"),
    # Devices, paths, kernel parameters.
    "device-relative": (
        linux(devices=[{"type": "c", "path": "dev/x", "major": 1, "minor": 3}]),
        "linux.devices[0].path",
    ),
    "device-type": (linux(devices=[{"type": "x", "path": "/dev/x"}]), "linux.devices[0].type"),
    "masked-relative": (linux(maskedPaths=["proc"]), "linux.maskedPaths[0]"),
    "readonly-relative": (linux(readonlyPaths=["proc"]), "linux.readonlyPaths[0]"),
    "propagation": (linux(rootfsPropagation="bogus"), "linux.rootfsPropagation"),
    "sysctl-of-the-host": (linux(sysctl={"vm.swappiness": "1"}), "linux.sysctl"),
    "sysctl-hostname": (linux(sysctl={"kernel.hostname": "x"}), "linux.sysctl"),
    "sysctl-domainname-twice": (
        every(top(domainname="a"), linux(sysctl={"kernel.domainname": "b"})),
        "linux.sysctl",
    ),
    "sysctl-traversal": (linux(sysctl={"net/../kernel/panic": "1"}), "linux.sysctl"),
    "sysctl-user": (linux(sysctl={"user.max_user_namespaces": "1"}), "linux.sysctl"),
    "personality-domain": (linux(personality={"domain": "LINUX64"}), "linux.personality.domain"),
    "personality-flags": (linux(personality={"domain": "LINUX", "flags": ["X"]}), "linux.personality.flags"),
    "memory-policy-mode": (linux(memoryPolicy={"mode": "MPOL_X"}), "linux.memoryPolicy.mode"),
    "memory-policy-nodes": (linux(memoryPolicy={"mode": "MPOL_BIND", "nodes": "x"}), "linux.memoryPolicy.nodes"),
    "memory-policy-no-nodes": (linux(memoryPolicy={"mode": "MPOL_BIND"}), "linux.memoryPolicy.nodes"),
    "memory-policy-with-nodes": (
        linux(memoryPolicy={"mode": "MPOL_DEFAULT", "nodes": "0"}),
        "linux.memoryPolicy.nodes",
    ),
    "memory-policy-flag": (
        linux(memoryPolicy={"mode": "MPOL_BIND", "nodes": "0", "flags": ["X"]}),
        "linux.memoryPolicy.flags[0]",
    ),
    "cgroup-traversal": (linux(cgroupsPath="/a/../../b"), "linux.cgroupsPath"),
}


@pytest.mark.parametrize("case", CASES)
def test_is_an_error_that_names_the_property(runtime: Runtime, make_bundle: MakeBundle, case: str) -> None:
    mutate, name = CASES[case]
    bundle = make_bundle(mutate=mutate)
    before = sorted(os.listdir(bundle.rootfs))

    (record,) = runtime.try_create(bundle).exit_with(1).records

    assert record["property"] == name
    assert (runtime.ids(), sorted(os.listdir(bundle.rootfs))) == ([], before)


def test_nul_character_is_refused_wherever_it_is(runtime: Runtime, make_bundle: MakeBundle) -> None:
    for mutate in (process(args=["sh", "a\0b"]), process(env=["A=b\0c"]), top(annotations={"a": "\0"})):
        assert "nul character" in runtime.try_create(make_bundle(mutate=mutate)).exit_with(1).message

    assert runtime.ids() == []


def test_all_faults_are_told_at_once(runtime: Runtime, make_bundle: MakeBundle) -> None:
    mutate = every(process(cwd="x", env=["A"]), linux(maskedPaths=["y"]), top(annotations={"": "z"}))

    text = json.dumps(runtime.try_create(make_bundle(mutate=mutate)).exit_with(1).records)

    assert [
        name for name in ("process.cwd", "process.env[0]", "linux.maskedPaths[0]", "annotations") if name not in text
    ] == []
