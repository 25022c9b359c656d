"""Id maps of user namespaces."""

from __future__ import annotations

import subprocess

import pytest

from libcontainer import user_ns
from libcontainer.errors import SyscallError
from libcontainer.oci.spec import LinuxIDMapping

MAPS = (LinuxIDMapping(container_id=0, host_id=1000, size=1), LinuxIDMapping(container_id=10, host_id=5000, size=100))


@pytest.mark.parametrize(("inside", "outside"), [(0, 1000), (10, 5000), (109, 5099), (110, -1), (1, -1)])
def test_an_id_is_looked_up(inside: int, outside: int) -> None:
    assert user_ns.host_id(MAPS, inside) == outside


def test_without_mappings_an_id_is_itself() -> None:
    assert user_ns.host_id((), 7) == 7


def test_root_may_be_missing() -> None:
    assert user_ns.has_root(MAPS)
    assert not user_ns.has_root(MAPS[1:])
    assert not user_ns.has_root(())


@pytest.mark.userns
@pytest.mark.root
def test_the_maps_of_a_child_are_written() -> None:
    with subprocess.Popen(["unshare", "-U", "sh", "-c", "echo; read x"], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()

        user_ns.write_maps(child.pid, MAPS, MAPS[:1])

        with open(f"/proc/{child.pid}/uid_map", encoding="ascii") as file:
            assert [line.split() for line in file] == [["0", "1000", "1"], ["10", "5000", "100"]]
        with open(f"/proc/{child.pid}/gid_map", encoding="ascii") as file:
            assert file.read().split() == ["0", "1000", "1"]
        child.communicate(b"\n")


def test_a_child_that_is_gone_is_an_error() -> None:
    with pytest.raises(SyscallError, match=r"^write the gid map: no such file or directory$"):
        user_ns.write_maps(2**22 + 1, MAPS, MAPS)
