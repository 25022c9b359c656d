"""mounts add and remove on real containers: what its processes see, and what a hostile image cannot make of it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import eventually, read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Bundle, Json
    from tests.support.runtime import Result, Runtime

pytestmark = pytest.mark.root


def writable(config: Json) -> None:
    config["root"]["readonly"] = False


def in_user_namespace(config: Json) -> None:
    writable(config)
    mapping = {"containerID": 0, "hostID": 100000, "size": 65536}
    config["linux"] |= {"uidMappings": [mapping], "gidMappings": [mapping]}
    config["linux"]["namespaces"].append({"type": "user"})


def ask(runtime: Runtime, action: str, bundle: Bundle, *mounts: Json) -> Result:
    path = os.path.join(runtime.work, "mounts.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(mounts, file)
    return runtime("mounts", action, bundle.id, path)


@pytest.fixture
def source(work: str) -> str:
    directory = os.path.join(work, "source")
    os.mkdir(directory)
    with open(os.path.join(directory, "file"), "w", encoding="ascii") as file:
        file.write("of the host\n")
    return directory


def inside(runtime: Runtime, bundle: Bundle, script: str) -> str:
    return runtime("exec", bundle.id, "sh", "-c", script).succeed().stdout


@pytest.mark.parametrize("mutate", [writable, in_user_namespace], ids=["ordinary", "user namespace"])
def test_mounts_appear_and_disappear_in_a_running_container(
    runtime: Runtime, make_bundle: MakeBundle, source: str, mutate: object
) -> None:
    bundle = make_bundle(mutate=mutate)
    os.chown(bundle.rootfs, 100000, 100000)
    os.chown(bundle.inside("/mnt"), 100000, 100000)
    runtime.start(bundle)
    bind = {"source": source, "destination": "/mnt/new", "type": "bind", "options": ["rbind", "ro", "noexec"]}
    tmpfs = {"source": "tmpfs", "destination": "/mnt/tmp", "type": "tmpfs", "options": ["size=64k", "nosuid"]}

    ask(runtime, "add", bundle, bind, tmpfs).succeed()

    assert inside(runtime, bundle, "cat /mnt/new/file") == "of the host\n"
    assert "Read-only" in runtime("exec", bundle.id, "touch", "/mnt/new/x").fail().stderr
    options = inside(runtime, bundle, "grep -E '/mnt/(new|tmp) ' /proc/self/mountinfo").splitlines()
    assert "ro," in options[0]
    assert "noexec" in options[0]
    assert "nosuid" in options[1]
    assert "size=64k" in options[1]

    ask(runtime, "remove", bundle, bind, tmpfs).succeed()

    assert inside(runtime, bundle, "grep -c /mnt/ /proc/self/mountinfo || true") == "0\n"


def test_configuration_that_is_kept_knows_the_mounts(runtime: Runtime, make_bundle: MakeBundle, source: str) -> None:
    bundle = make_bundle(mutate=writable)
    runtime.start(bundle)
    mount = {"source": source, "destination": "/mnt/new", "options": ["bind"]}

    def stored() -> list[str]:
        with open(os.path.join(runtime.root, bundle.id, "config.json"), encoding="utf-8") as file:
            return [entry["destination"] for entry in json.load(file)["mounts"]]

    before = stored()
    ask(runtime, "add", bundle, mount).succeed()
    assert stored() == [*before, "/mnt/new"]
    ask(runtime, "remove", bundle, {"destination": "/mnt/new/"}).succeed()
    assert stored() == before


def test_link_in_the_image_leads_to_a_place_inside(
    runtime: Runtime, make_bundle: MakeBundle, source: str, work: str
) -> None:
    bundle = make_bundle(mutate=writable)
    os.symlink("../../../../../..", bundle.inside("/mnt/up"))
    runtime.start(bundle)

    ask(runtime, "add", bundle, {"source": source, "destination": f"/mnt/up{work}/x", "options": ["bind"]}).succeed()

    assert inside(runtime, bundle, f"cat {work}/x/file") == "of the host\n"
    assert not os.path.exists(os.path.join(work, "x"))


def test_failure_of_one_detaches_those_before_it(runtime: Runtime, make_bundle: MakeBundle, source: str) -> None:
    bundle = make_bundle(mutate=writable)
    runtime.start(bundle)
    good = {"source": source, "destination": "/mnt/new", "options": ["bind"]}
    bad = {"source": "tmpfs", "destination": "/mnt/tmp", "type": "tmpfs", "options": ["no-such-option"]}

    result = ask(runtime, "add", bundle, good, bad).exit_with(1)

    assert "mount tmpfs on /mnt/tmp" in result.message
    assert inside(runtime, bundle, "grep -c /mnt/ /proc/self/mountinfo || true") == "0\n"


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ({"destination": "/mnt/x", "type": "proc", "source": "proc"}, "a mount of type proc shows a pid namespace"),
        (
            {"destination": "/", "source": "/tmp", "options": ["bind"]},
            "nothing can be mounted over the root of the container",
        ),
        ({"destination": "/mnt/x", "source": "/no/such", "options": ["bind"]}, "no such file or directory"),
        ({"destination": "/proc/1", "source": "/tmp", "options": ["bind"]}, "mounts[0]"),
        ({"source": "/tmp"}, "mounts[0].destination: required property is missing"),
    ],
    ids=["proc", "root", "missing source", "inside proc", "no destination"],
)
def test_wrong_mount_is_refused_by_name(runtime: Runtime, make_bundle: MakeBundle, mount: Json, message: str) -> None:
    bundle = make_bundle(mutate=writable)
    runtime.start(bundle)

    assert message in ask(runtime, "add", bundle, mount).exit_with(1).message


@pytest.mark.parametrize("joins", [False, True], ids=["the caller's", "another's"])
@pytest.mark.parametrize("action", ["add", "remove"])
def test_container_in_a_mount_namespace_that_is_not_its_own_is_refused_before_anything_is_mounted(
    runtime: Runtime, make_bundle: MakeBundle, source: str, action: str, joins: bool
) -> None:
    holder = subprocess.Popen(["unshare", "--mount", "sleep", "1000"])
    try:
        path = f"/proc/{holder.pid}/ns/mnt"
        eventually(lambda: os.readlink(path) != os.readlink("/proc/self/ns/mnt"), "the namespace")
        share = mutations.namespace("mount", path) if joins else mutations.without_namespace("mount")
        bundle = make_bundle(mutate=mutations.every(share, without_mounts))
        runtime.start(bundle)
        tables = (f"/proc/{holder.pid}/mounts", "/proc/self/mounts")
        before = [read(table) for table in tables]

        result = ask(runtime, action, bundle, {"source": source, "destination": "/mnt", "options": ["bind"]})

        after = [read(table) for table in tables]
    finally:
        holder.kill()
        holder.wait()
    (record,) = result.exit_with(1).records
    assert record["msg"] == f"mounts: container {bundle.id} has no mount namespace of its own"
    assert record["hint"] == 'create it with {"type": "mount"} in linux.namespaces, without a path'
    assert after == before


def without_mounts(config: Json) -> None:
    """Ask for nothing that needs a mount namespace."""
    writable(config)
    config["mounts"] = []
    config["linux"] |= {"maskedPaths": [], "readonlyPaths": []}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("tmpfs", "unknown option 'bogus': mount tmpfs on /mnt/x: invalid argument"),
        ("bind", "a bind mount has no options of a file system, got 'bogus'"),
    ],
)
def test_unknown_option_is_named(
    runtime: Runtime, make_bundle: MakeBundle, source: str, kind: str, reason: str
) -> None:
    bundle = make_bundle(mutate=writable)
    runtime.start(bundle)
    mount = {"destination": "/mnt/x", "type": kind, "source": source, "options": ["bogus"]}

    (record,) = ask(runtime, "add", bundle, mount).exit_with(1).records

    assert record["msg"] == f"mounts[0].options: {reason}"


def test_removing_what_is_not_mounted_says_so(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle()
    runtime.start(bundle)

    result = ask(runtime, "remove", bundle, {"destination": "/mnt"}).exit_with(1)

    assert "unmount /mnt: invalid argument" in result.message
    assert "hint: nothing is mounted there" in result.stderr


def test_stopped_container_gets_no_mounts(runtime: Runtime, make_bundle: MakeBundle, source: str) -> None:
    bundle = make_bundle()
    container = runtime.start(bundle)
    container.stop()

    result = ask(runtime, "add", bundle, {"source": source, "destination": "/mnt", "options": ["bind"]})

    assert "container not running" in result.exit_with(1).message
