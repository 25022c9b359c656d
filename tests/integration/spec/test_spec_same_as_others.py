"""The same bundle through pyouki, runc and crun: what the program sees differs only where a table says why."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.spec.seen_differently import DIFFERENCES
from tests.support import host, mutations
from tests.support import runtime as runtimes
from tests.support.runtime import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeBundle
    from tests.support.bundle import Json
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime

pytestmark = [pytest.mark.root, pytest.mark.cgroup1]

_SCRIPT = read(os.path.join(os.path.dirname(__file__), "facts.sh"))


def _ordinary(config: Json) -> None:
    config["process"]["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [46]}
    config["process"]["noNewPrivileges"] = False


def _rich(config: Json) -> None:
    mutations.capabilities("CAP_NET_ADMIN", "CAP_SYS_CHROOT", sets=mutations.CAPABILITY_SETS)(config)
    config["process"].update(
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 500, "hard": 600}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}],
        oomScoreAdj=200,
        cwd="/tmp",
        env=["PATH=/bin", "EMPTY=", "HOME=/nowhere"],
    )
    config["linux"].update(
        sysctl={"net.ipv4.ip_forward": "1", "kernel.msgmax": "9000"},
        devices=[{"type": "c", "path": "/dev/fuse", "major": 10, "minor": 229, "fileMode": 0o666}],
        rootfsPropagation="rslave",
    )
    mutations.namespace("cgroup")(config)
    mutations.mount("/mnt", "/etc", "rbind", "ro", "nosuid")(config)
    mutations.mount("/var", "tmpfs", "size=1m", "mode=700", "noexec", fstype="tmpfs")(config)


def _seccomp(config: Json) -> None:
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO"}],
    }


CONFIGS = {
    "default": mutations.top(),
    "ordinary-user": _ordinary,
    "rich": _rich,
    "user-namespace": mutations.user_namespace(),
    "seccomp": _seccomp,
}


@pytest.fixture(params=["runc", "crun"])
def other(request: pytest.FixtureRequest, work: str, guard: Guard) -> Iterator[Runtime]:
    """One of the two that everybody uses."""
    host.require(request.param)
    hides = request.param == "crun" and "/sys/fs/cgroup/unified" in host.mount_points("cgroup2")
    if hides:
        # It refuses a v2 hierarchy with controllers beside v1.
        host.mount("tmpfs", "/sys/fs/cgroup/unified", "tmpfs")
    directory = os.path.join(work, "other")
    os.mkdir(directory)
    runtime = runtimes.Runtime(runtimes.find(request.param), directory)
    guard.watch(runtime)
    yield runtime
    for name in runtime.ids():
        runtime("delete", "--force", name).succeed()
    if hides:
        host.umount("/sys/fs/cgroup/unified")


@pytest.mark.parametrize("config", CONFIGS)
def test_program_sees_the_same(runtime: Runtime, other: Runtime, make_bundle: MakeBundle, config: str) -> None:
    host.require("gcc")
    ours, theirs = (_facts(each, make_bundle, CONFIGS[config]) for each in (runtime, other))

    found = {
        f"{config}: {section}": (sorted(ours[section] - theirs[section]), sorted(theirs[section] - ours[section]))
        for section in ours
        if ours[section] != theirs[section]
    }
    known = DIFFERENCES[other.name]

    unknown = {name: lines for name, lines in found.items() if not _is_known(name, lines, known)}
    assert unknown == {}, _listed(unknown)
    stale = {name for name in known if name.startswith(f"{config}: ") and name not in found}
    assert stale == set()


def _is_known(name: str, lines: tuple[list[str], list[str]], known: dict[str, tuple[str, str]]) -> bool:
    """Say whether each line that only one of the two has matches the pattern of the section."""
    section = name.partition(": ")[2]
    patterns = [known[key][0] for key in (name, f"*: {section}") if key in known]
    return bool(patterns) and all(
        any(re.search(pattern, line) for pattern in patterns) for side in lines for line in side
    )


def _facts(runtime: Runtime, make_bundle: MakeBundle, mutate: mutations.Mutation) -> dict[str, set[str]]:
    bundle = make_bundle("sh", "-c", _SCRIPT, mutate=mutate)
    output = runtime.run(bundle).succeed().stdout
    facts: dict[str, set[str]] = {}
    section = ""
    for line in output.splitlines():
        if line.startswith("== "):
            section = line[3:]
            facts[section] = set()
        elif section == "arguments" or not line.strip():
            continue
        else:
            facts[section].add(_normal(line, bundle.directory, bundle.id))
    return facts


def _normal(line: str, directory: str, container_id: str) -> str:
    """Take out of a line what differs between any two containers."""
    line = line.replace(directory, "BUNDLE").replace(f"/{container_id}", "/ID").replace(f"ses.{container_id}", "ses.ID")
    line = re.sub(r"/root/\.other|/other/", "/", line)
    line = re.sub(r"(out|err)\.\d+", r"\1.N", line)
    line = re.sub(r"^/\S*/(out|err)\.N$", r"\1.N", line)
    line = re.sub(r"(shared|master|propagate_from):\d+", r"\1:N", line)
    return re.sub(r"^\d+ \d+ \d+:\d+ ", "", line)


def _listed(differences: dict[str, tuple[list[str], list[str]]]) -> str:
    """Write differences as diff(1) does."""
    return "\n".join(
        line
        for name, (ours, theirs) in differences.items()
        for line in (name, *(f"- {line}" for line in ours), *(f"+ {line}" for line in theirs))
    )
