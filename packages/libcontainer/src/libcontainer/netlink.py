"""A blocking rtnetlink(7) client: requests, answers and attributes; what they mean for containers is in ``network``."""

from __future__ import annotations

import _socket
import errno
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# linux/rtnetlink.h
RTM_NEWLINK = 16
RTM_GETLINK = 18
RTM_NEWADDR = 20
RTM_GETADDR = 22

# linux/netlink.h
_NETLINK_ROUTE = 0
_SOL_NETLINK = 270
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
_NETLINK_GET_STRICT_CHK = 12
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_NLM_F_REQUEST = 0x1
_NLM_F_ACK = 0x4
_NLM_F_DUMP_INTR = 0x10
_NLM_F_CAPPED = 0x100
_NLM_F_ACK_TLVS = 0x200
_NLMSGERR_ATTR_MSG = 1
_NLA_TYPE_MASK = 0x3FFF

NLM_F_DUMP = 0x300
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_RECEIVE_SIZE = 65536


class NetlinkError(OSError):
    """The kernel's refusal of a request; ``reason`` is its own explanation, empty when it gave none."""

    def __init__(self, number: int, reason: str = "") -> None:
        super().__init__(number, reason or os.strerror(number))
        self.syscall = "netlink"
        self.reason = reason


class Connection:
    """A rtnetlink socket; it stays in the network namespace in which it was opened."""

    def __init__(self) -> None:
        self._socket = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _NETLINK_ROUTE)
        try:
            self._socket.bind((0, 0))
            # Since Linux 4.12 and 4.20; without them answers are longer, less strict and have no text.
            for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK):
                try:
                    self._socket.setsockopt(_SOL_NETLINK, option, 1)
                except OSError as error:
                    if error.errno != errno.ENOPROTOOPT:
                        raise
        except BaseException:
            self._socket.close()
            raise
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def request(self, kind: int, payload: bytes, flags: int = 0) -> list[bytes]:
        """Send a request and return the payloads of the answers, none when the kernel only acknowledges.

        Args:
            kind: a RTM constant.
            payload: the header of that kind and the attributes.
            flags: NLM_F constants beside those every request has.

        Raises:
            NetlinkError: the kernel refused. EINTR: a dump changed while it was made, ask again.
        """
        self._sequence += 1
        acknowledge = 0 if flags & NLM_F_DUMP == NLM_F_DUMP else _NLM_F_ACK
        length = _HEADER.size + len(payload)
        header = _HEADER.pack(length, kind, _NLM_F_REQUEST | acknowledge | flags, self._sequence, 0)
        self._socket.send(header + payload)
        answers: list[bytes] = []
        while True:
            for answer_kind, answer_flags, sequence, answer in _messages(self._socket.recv(_RECEIVE_SIZE)):
                if sequence != self._sequence:  # a late answer to a request that was given up
                    continue
                if answer_flags & _NLM_F_DUMP_INTR:
                    raise NetlinkError(errno.EINTR)
                if answer_kind in (_NLMSG_ERROR, _NLMSG_DONE):
                    _raise_refusal(answer, answer_flags)
                    return answers
                answers.append(answer)


def attribute(kind: int, value: bytes) -> bytes:
    """Encode one attribute, padded to four bytes.

    Raises:
        ValueError: the value is longer than the 16-bit length field can tell (CVE-2021-43784).
    """
    length = _ATTRIBUTE.size + len(value)
    if length > 0xFFFF:
        raise ValueError(f"a netlink attribute of {len(value)} bytes is too long")
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def attributes(data: bytes) -> dict[int, bytes]:
    """Decode attributes by their kind; the last of a kind wins, and a truncated end is ignored."""
    found = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size or offset + length > len(data):
            break
        found[kind & _NLA_TYPE_MASK] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield kind, flags, sequence number and payload of each message of a datagram."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size or offset + length > len(data):
            raise NetlinkError(errno.EBADMSG)
        yield kind, flags, sequence, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def _raise_refusal(answer: bytes, flags: int) -> None:
    """Raise what an error or done message tells, unless it tells of success."""
    number = struct.unpack_from("=i", answer)[0] if len(answer) >= 4 else 0
    if number == 0:
        return
    reason = b""
    if flags & _NLM_F_ACK_TLVS:
        # struct nlmsgerr: the errno and the header of the request, then the request itself unless capped.
        request_length = _HEADER.unpack_from(answer, 4)[0] if len(answer) >= 4 + _HEADER.size else 0
        skipped = _HEADER.size if flags & _NLM_F_CAPPED else (request_length + 3) & ~3
        reason = attributes(answer[4 + skipped :]).get(_NLMSGERR_ATTR_MSG, b"")
    raise NetlinkError(-number, reason.rstrip(b"\0").decode("utf-8", "replace"))
