from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import netlink

IFLA_IFNAME = 3
IFINFOMSG = struct.Struct("=BxHiII")


@given(st.dictionaries(st.integers(0, 0x3FFF), st.binary(max_size=70)))
def test_attributes_come_back(values: dict[int, bytes]) -> None:
    encoded = b"".join(netlink.attribute(kind, value) for kind, value in values.items())

    assert netlink.attributes(encoded) == values


@given(st.binary())
def test_decoding_never_crashes(data: bytes) -> None:
    netlink.attributes(data)


def test_value_too_long_for_the_length_field_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a netlink attribute of 65532 bytes is too long$"):
        netlink.attribute(1, bytes(65532))


def test_kernel_lists_the_loopback_device() -> None:
    connection = netlink.Connection()

    answers = connection.request(netlink.RTM_GETLINK, IFINFOMSG.pack(0, 0, 0, 0, 0), netlink.NLM_F_DUMP)

    connection.close()
    assert b"lo\0" in [netlink.attributes(answer[IFINFOMSG.size :])[IFLA_IFNAME] for answer in answers]


def test_refusal_has_the_errno_and_the_connection_goes_on() -> None:
    connection = netlink.Connection()
    query = IFINFOMSG.pack(0, 0, 0, 0, 0) + netlink.attribute(IFLA_IFNAME, b"nosuch\0")

    with pytest.raises(netlink.NetlinkError) as caught:
        connection.request(netlink.RTM_GETLINK, query)
    found = connection.request(netlink.RTM_GETLINK, IFINFOMSG.pack(0, 0, 1, 0, 0))

    connection.close()
    assert caught.value.errno == errno.ENODEV
    assert len(found) == 1
