from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import sysctl
from libcontainer.errors import SpecError


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("x", "x"),
    ],
)
def test_first_separator_decides(key: str, path: str) -> None:
    assert sysctl.path_of(key) == path


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "/",
        "net..x",
        "net/../kernel/x",
        "net.ipv4.../../../kernel/x",
        "kernel.msg/../x/",
        "/net/x",
        "a\0b",
        "net/./x",
    ],
)
def test_key_that_leads_elsewhere_is_refused(key: str) -> None:
    with pytest.raises(SpecError) as caught:
        sysctl.path_of(key)

    assert str(caught.value) == f"linux.sysctl[{key}]: not the name of a kernel parameter"


def _parts(key: str) -> list[str]:
    try:
        return sysctl.path_of(key).split("/")
    except SpecError:
        return []


@given(st.text(alphabet="ab./\0"))
def test_no_path_ever_leaves_its_directory(key: str) -> None:
    assert all(part not in ("", ".", "..") for part in _parts(key))
