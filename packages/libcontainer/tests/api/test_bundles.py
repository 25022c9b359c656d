"""Bundles for tests and examples."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING

import pytest

from libcontainer.oci import load
from libcontainer.oci.validate import validate
from libcontainer.testing.bundles import Bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(shutil.which("busybox") is None, reason="needs busybox")
def test_a_bundle_of_busybox_is_complete(tmp_path: Path) -> None:
    bundle = Bundle.from_busybox(["echo", "hi"], tmp_path / "bundle")

    spec = load.load(bundle.path)
    validate(spec)
    assert spec.process is not None
    assert (spec.process.args, spec.process.terminal) == (("echo", "hi"), False)
    ran = subprocess.run([bundle.inside("/bin/echo"), "hi"], capture_output=True, check=True)
    assert ran.stdout == b"hi\n"


def test_a_bundle_of_the_host_is_valid_and_holds_nothing_of_it(tmp_path: Path) -> None:
    bundle = Bundle.from_host(["true"], tmp_path / "bundle")

    validate(load.load(bundle.path))
    binds = [mount for mount in bundle.config["mounts"] if mount["type"] == "bind"]
    assert "/usr" in [mount["destination"] for mount in binds]
    assert all("ro" in mount["options"] for mount in binds)
    assert os.listdir(bundle.inside("/usr")) == []


def test_a_temporary_bundle_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(tempfile), "tempdir", str(tmp_path))

    with Bundle.from_host(["true"]) as bundle:
        assert os.path.dirname(bundle.path) == str(tmp_path)
        bundle.config["hostname"] = "changed"
        bundle.write()
        assert load.load(bundle.path).hostname == "changed"

    assert os.listdir(tmp_path) == []


def test_a_directory_that_exists_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        Bundle.from_host(["true"], tmp_path)
