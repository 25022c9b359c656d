"""The features structure: as its schema wants it, and as large as the tables of the code."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import jsonschema
import pytest
import referencing
import referencing.jsonschema

from libcontainer.oci.spec import OCI_VERSION
from libcontainer.syscall.linux import LinuxSyscall
from libcontainer.testing.recording import RecordingSyscall
from pyouki import features

SCHEMAS = pathlib.Path(__file__).parents[2] / "libcontainer/tests/data/runtime-spec"


@pytest.fixture(scope="module")
def described() -> Any:
    return json.loads(json.dumps(features.describe(LinuxSyscall())))


def test_features_fit_the_schema(described: Any) -> None:
    resources = [
        (path.name, referencing.jsonschema.DRAFT4.create_resource(json.loads(path.read_text())))
        for path in SCHEMAS.glob("*.json")
    ]
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(resources)
    schema = json.loads((SCHEMAS / "features-schema.json").read_text())

    jsonschema.Draft4Validator(schema, registry=registry).validate(described)


def test_versions_are_a_range_up_to_the_one_we_write(described: Any) -> None:
    assert (described["ociVersionMin"], described["ociVersionMax"]) == ("1.0.0", OCI_VERSION)


def test_all_hooks_are_named_as_in_config_json(described: Any) -> None:
    assert described["hooks"] == [
        "prestart",
        "createRuntime",
        "createContainer",
        "startContainer",
        "poststart",
        "poststop",
    ]


@pytest.mark.parametrize("word", ["rro", "rbind", "tmpcopyup", "idmap"])
def test_mount_options_that_engines_look_for_are_there(described: Any, word: str) -> None:
    assert word in described["mountOptions"]


def test_idmapped_mounts_are_announced(described: Any) -> None:
    assert described["linux"]["mountExtensions"]["idmap"]["enabled"] is True


def test_known_architectures_include_this_machines(described: Any) -> None:
    assert {"SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"} <= set(described["linux"]["seccomp"]["archs"])


def test_flag_that_the_kernel_refuses_is_known_but_not_supported() -> None:
    kernel = RecordingSyscall(failures={"seccomp_set_mode_filter": 22})

    seccomp: Any = features.describe(kernel)["linux"]

    assert len(seccomp["seccomp"]["knownFlags"]) == 4
    assert seccomp["seccomp"]["supportedFlags"] == []
