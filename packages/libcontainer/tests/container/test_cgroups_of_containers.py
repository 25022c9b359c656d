"""Errors of libcgroups as ours, and the file that tells whether a container is frozen."""

from __future__ import annotations

import pytest

from libcgroups import Hierarchy
from libcgroups import TestManager as FakeManager
from libcgroups.errors import FileError
from libcgroups.systemd import properties
from libcontainer import cgroups
from libcontainer.errors import CgroupsError


def test_an_error_of_libcgroups_becomes_one_of_ours() -> None:
    with pytest.raises(CgroupsError) as caught, cgroups.translated("cgroup create"):
        raise FileError("write it", path="/sys/fs/cgroup/x", errno=13)

    assert caught.value.step == "cgroup create"
    assert caught.value.property == "linux.cgroupsPath"
    assert caught.value.object == "/sys/fs/cgroup/x"
    assert isinstance(caught.value.__cause__, FileError)


def test_a_refused_annotation_is_the_property() -> None:
    annotations = [("org.systemd.property.User", "'daemon'")]

    with pytest.raises(CgroupsError) as caught, cgroups.translated("cgroup create"):
        properties.from_annotations(annotations)

    assert caught.value.property == "annotations[org.systemd.property.User]"
    assert caught.value.hint is not None


def test_any_other_error_passes() -> None:
    with pytest.raises(ValueError, match="odd"), cgroups.translated("cgroup limits"):
        raise ValueError("odd")


class Placed(FakeManager):
    def __init__(self, kind: str, *places: Hierarchy) -> None:
        super().__init__()
        self.kind = kind  # type: ignore[assignment]  # one of its literals
        self.places = places

    def hierarchies(self) -> tuple[Hierarchy, ...]:
        return self.places


@pytest.mark.parametrize(
    ("kind", "controllers", "file"),
    [
        ("v1", ("freezer",), "/cg/one/freezer.state"),
        ("v1", ("pids",), ""),
        ("v2", (), "/cg/one/cgroup.freeze"),
        ("systemd", (), "/cg/one/cgroup.freeze"),
        ("v1", (), ""),
    ],
)
def test_the_freezer_is_where_the_hierarchy_has_it(kind: str, controllers: tuple[str, ...], file: str) -> None:
    manager = Placed(kind, Hierarchy(controllers, "/cg", "/one", "/cg/one"))

    assert cgroups.freezer_file(manager) == file
