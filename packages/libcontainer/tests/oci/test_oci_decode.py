"""The decoder: strictness, paths of faults, and the way back."""

from __future__ import annotations

import json
import pathlib

import pytest

from libcgroups.record import Record
from libcgroups.resources import LinuxBlockIO, LinuxMemory, LinuxResources, LinuxThrottleDevice
from libcontainer.errors import SpecError
from libcontainer.oci import decode, load, spec

DATA = pathlib.Path(__file__).parent.parent / "data"
EVERY = json.loads((DATA / "every-property.json").read_text())
CONFIGS = sorted((DATA / "configs").glob("*.json"))
MINIMAL = {"ociVersion": "1.3.0", "root": {"path": "rootfs"}}


def kind_of(path: pathlib.Path) -> type[Record]:
    if path.name.endswith(".process.json"):
        return spec.Process
    return LinuxResources if path.name.endswith(".resources.json") else spec.Spec


def is_covered(given: object, kept: object) -> bool:
    """Tell whether a JSON value is found again in another, which may have more properties."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return all((not item and key not in kept) or is_covered(item, kept.get(key)) for key, item in given.items())
    if isinstance(given, list) and isinstance(kept, list):
        return len(given) == len(kept) and all(is_covered(a, b) for a, b in zip(given, kept, strict=True))
    return given == kept and type(given) is type(kept)


def test_smallest_configuration_has_the_defaults_of_the_specification() -> None:
    decoded = decode.decode(spec.Spec, MINIMAL)

    assert decoded == spec.Spec("1.3.0", spec.Root("rootfs"))
    assert decoded.linux == spec.Linux()
    assert decoded.process is None


def test_every_property_of_the_specification_is_kept() -> None:
    assert decode.encode(decode.decode(spec.Spec, EVERY)) == EVERY


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_engines_wrote_is_kept(path: pathlib.Path) -> None:
    given = json.loads(path.read_text())

    decoded = decode.decode(kind_of(path), given)

    assert is_covered(given, decode.encode(decoded))
    assert decode.decode(kind_of(path), decode.encode(decoded)) == decoded


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cgroups_path", "cgroupsPath"),
        ("no_new_privileges", "noNewPrivileges"),
        ("clos_id", "closID"),
        ("block_io", "blockIO"),
        ("throttle_read_iops_device", "throttleReadIOPSDevice"),
        ("l3_cache_schema", "l3CacheSchema"),
        ("class_", "class"),
        ("path", "path"),
    ],
)
def test_names_are_those_of_the_specification(name: str, expected: str) -> None:
    assert decode.json_name(name) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hostname": 5}, "hostname: expected a string, got 5"),
        ({"root": None}, "root: required property is missing"),
        ({"root": {}}, "root.path: required property is missing"),
        ({"root": "rootfs"}, "root: expected an object, got 'rootfs'"),
        ({"root": {"path": "r", "readonly": 1}}, "root.readonly: expected true or false, got 1"),
        ({"mounts": {}}, "mounts: expected an array, got an object"),
        ({"mounts": [{"destination": "/"}, []]}, "mounts[1]: expected an object, got an array"),
        ({"mounts": [None]}, "mounts[0]: expected an object, got null"),
        ({"process": {"cwd": "/", "args": ["a", 1]}}, "process.args[1]: expected a string, got 1"),
        ({"process": {"cwd": "/", "args": "sh"}}, "process.args: expected an array, got 'sh'"),
        ({"process": {"cwd": "/", "user": {"uid": True}}}, "process.user.uid: expected an integer, got true"),
        ({"process": {"cwd": "/", "user": {"uid": 0.0}}}, "process.user.uid: expected an integer, got 0.0"),
        ({"process": {"cwd": "/", "user": {"uid": "0"}}}, "process.user.uid: expected an integer, got '0'"),
        ({"process": {"cwd": "/", "user": {"uid": -1}}}, "process.user.uid: expected at least 0, got -1"),
        (
            {"process": {"cwd": "/", "user": {"gid": 2**32 - 1}}},
            "process.user.gid: expected at most 4294967294, got 4294967295",
        ),
        (
            {"linux": {"personality": {"domain": "LINUX64"}}},
            "linux.personality.domain: expected one of LINUX, LINUX32, got 'LINUX64'",
        ),
        ({"linux": {"sysctl": {"a.b": 1}}}, "linux.sysctl['a.b']: expected a string, got 1"),
        ({"annotations": {"a": []}}, "annotations.a: expected a string, got an array"),
    ],
)
def test_fault_is_told_with_its_path(change: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        decode.decode(spec.Spec, {**MINIMAL, **change})

    assert str(caught.value) == message
    assert caught.value.property == message.partition(":")[0]


def test_path_of_the_value_in_its_document_is_put_before_that_of_the_fault() -> None:
    with pytest.raises(SpecError, match=r"^linux\.resources\.pids\.limit: expected an integer, got 'max'$"):
        decode.decode(LinuxResources, {"pids": {"limit": "max"}}, "linux.resources")


def test_null_is_absent_and_unknown_properties_are_ignored() -> None:
    strange = {**MINIMAL, "hostname": None, "annotations": {"a": None}, "windows": 5, "linux": {"future": [1]}}

    assert decode.decode(spec.Spec, strange) == decode.decode(spec.Spec, MINIMAL)


def test_absent_and_empty_are_kept_apart_where_they_differ() -> None:
    absent = decode.decode(spec.LinuxSeccomp, {"defaultAction": "SCMP_ACT_ALLOW"})
    empty = decode.decode(spec.LinuxSeccomp, {"defaultAction": "SCMP_ACT_ALLOW", "flags": []})

    assert absent.flags is None
    assert empty.flags == ()
    assert decode.encode(empty)["flags"] == []


def test_values_are_shown_in_few_words_however_large_they_are() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]

    assert decode.shown(deep) == "an array"
    assert decode.shown(10**5000) == "a very large integer"
    assert len(decode.shown("x" * 10_000)) < 100


def test_records_made_in_python_are_encoded_under_oci_names() -> None:
    limits = LinuxResources(
        memory=LinuxMemory(limit=5, disable_oom_killer=False),
        block_io=LinuxBlockIO(throttle_read_iops_device=[LinuxThrottleDevice(8, 0, 100)]),
    )

    assert decode.encode(limits) == {
        "memory": {"limit": 5, "disableOOMKiller": False},
        "blockIO": {"throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 100}]},
    }


def test_state_keeps_its_order_and_leaves_out_an_absent_pid() -> None:
    state = spec.State("1.3.0", "one", "stopped", "/bundle")

    assert list(decode.encode(state).items()) == [
        ("ociVersion", "1.3.0"),
        ("id", "one"),
        ("status", "stopped"),
        ("bundle", "/bundle"),
    ]


def test_records_that_inherit_fields_are_decoded() -> None:
    class Named(spec.Root):
        name: str = ""

    assert decode.decode(Named, {"path": "/", "name": "a"}) == Named(path="/", name="a")


def test_all_annotations_can_be_compiled() -> None:
    classes = [kind for kind in vars(spec).values() if isinstance(kind, type) and issubclass(kind, Record)]

    for kind in classes:
        with pytest.raises(SpecError, match=r"^expected an object, got 5$"):
            decode.decode(kind, 5)
    assert load.parse(json.dumps(EVERY)) == decode.decode(spec.Spec, EVERY)
