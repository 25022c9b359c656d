"""The first config.json, compared with what runc writes."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from libcontainer.oci import decode, default, spec, validate

if TYPE_CHECKING:
    import pathlib


@pytest.mark.parametrize("rootless", [False, True], ids=["root", "rootless"])
@pytest.mark.parametrize("cgroup2", [False, True], ids=["cgroup1", "cgroup2"])
def test_default_is_a_valid_configuration(rootless: bool, cgroup2: bool) -> None:
    document = default.default_spec(rootless, cgroup2=cgroup2)

    decoded = decode.decode(spec.Spec, document)

    validate.validate(decoded)
    assert decoded.oci_version == spec.OCI_VERSION
    assert any(namespace.type == "cgroup" for namespace in decoded.linux.namespaces) is cgroup2


@pytest.mark.skipif(shutil.which("runc") is None, reason="needs runc to compare with")
@pytest.mark.parametrize("options", [[], ["--rootless"]], ids=["root", "rootless"])
def test_default_is_what_runc_writes_but_for_names(options: list[str], tmp_path: pathlib.Path) -> None:
    subprocess.run(["runc", "spec", *options], cwd=tmp_path, check=True)
    theirs: dict[str, Any] = json.loads((tmp_path / "config.json").read_text())
    has_cgroup_namespace = {"type": "cgroup"} in theirs["linux"]["namespaces"]

    # Before 1.2 runc asked for ambient capabilities that are not inheritable, which the kernel does not grant.
    theirs["process"]["capabilities"].pop("ambient", None)

    ours = default.default_spec(bool(options), cgroup2=has_cgroup_namespace)

    assert ours == {**theirs, "ociVersion": spec.OCI_VERSION, "hostname": "pyouki"}
    assert list(ours) == list(theirs)
