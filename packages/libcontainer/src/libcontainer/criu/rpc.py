"""CRIU's remote procedure calls, ``criu swrk``: one message a datagram, in protocol buffers; not what they ask for.

The messages are those of CRIU's rpc.proto, written and read by hand: three wire types are all that it needs.
"""

from __future__ import annotations

import _socket
import os
import struct

from libcgroups.record import Record
from libcontainer.errors import LibcontainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    Message: TypeAlias = "list[tuple[int, int | bool | str | bytes | Message]]"
    Notified: TypeAlias = "Callable[[str, int, list[int]], None]"

# criu_req_type
DUMP, RESTORE, PRE_DUMP, NOTIFY, FEATURE_CHECK, VERSION = 1, 2, 4, 6, 9, 10
# criu_features
MEMORY_TRACKING, LAZY_PAGES = 1, 2

# Fields of criu_req and criu_resp.
_TYPE, _OPTIONS, _NOTIFY_SUCCESS, _KEEP_OPEN, _FEATURES = 1, 2, 3, 4, 5
_SUCCESS, _RESTORED, _NOTIFIED, _ERRNO, _FOUND_FEATURES, _ERROR_TEXT, _FOUND_VERSION = 2, 4, 5, 7, 8, 9, 10

_MAX_DATAGRAM = 1 << 16
_MAX_DESCRIPTORS = 8


class Options:
    """Numbers of the fields of criu_opts."""

    images_dir_fd, pid, leave_running, ext_unix_sk, tcp_established = range(1, 6)
    evasive_devices, shell_job, file_locks, log_level, log_file = range(6, 11)
    page_server, notify_scripts, root, parent_image, track_memory, auto_dedup, work_dir_fd, link_remap = range(11, 19)
    external_mount, manage_cgroups, cgroup_root, restore_sibling, inherit_fd = range(23, 28)
    manage_cgroups_mode, external, empty_namespaces, join_namespace = 34, 37, 38, 39
    freeze_cgroup, tcp_skip_in_flight, lazy_pages, status_fd, orphan_pts_master, config_file = 44, 46, 48, 49, 50, 51
    tcp_close, lsm_profile, lsm_mount_context, network_lock = 52, 53, 63, 64


class Answer(Record):
    """What CRIU answers to a request.

    Attributes:
        pid: of the restored init, 0 after other requests.
        version: such as 40101 for 4.1.1, 0 after other requests.
        features: numbers of the features that there are.
    """

    pid: int = 0
    version: int = 0
    features: frozenset[int] = frozenset()


class Refused(Exception):
    """CRIU could not do it, or died; its log tells more."""

    def __init__(self, reason: str, errno: int = 0) -> None:
        super().__init__(reason)
        self.errno = errno


class Worker:
    """One ``criu swrk`` process.

    Attributes:
        pid: of the process, a child of this one.
    """

    def __init__(self, program: str, inherited: Iterable[int] = (), prepare: Callable[[], None] | None = None) -> None:
        """Start it.

        Args:
            program: path of criu.
            inherited: descriptors that requests will name by their numbers.
            prepare: called in the child before it becomes criu.

        Raises:
            LibcontainerError: it cannot be executed.
        """
        ours, its = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        self._socket = ours
        report, reporter = os.pipe2(os.O_CLOEXEC)
        self.pid = os.fork()
        if self.pid == 0:
            _become(program, its.fileno(), inherited, prepare, reporter)
        its.close()
        os.close(reporter)
        with open(report, "rb") as stream:
            failure = stream.read().decode(errors="replace")
        if failure:
            self.close()
            raise LibcontainerError(f"execute {program}: {failure}", object=program)

    def version(self) -> int:
        """Return CRIU's version, 40101 for 4.1.1."""
        return self._ask([(_TYPE, VERSION), (_KEEP_OPEN, True)], VERSION, None).version

    def has_feature(self, number: int) -> bool:
        """Tell whether CRIU and the kernel have a feature of criu_features: MEMORY_TRACKING or LAZY_PAGES."""
        message: Message = [(_TYPE, FEATURE_CHECK), (_KEEP_OPEN, True), (_FEATURES, [(number, True)])]
        return number in self._ask(message, FEATURE_CHECK, None).features

    def request(self, kind: int, options: Message, notified: Notified | None = None) -> Answer:
        """Have it dump or restore.

        Args:
            kind: DUMP, PRE_DUMP or RESTORE.
            options: fields of criu_opts.
            notified: called with the name, the pid and the descriptors of each notification; whoever keeps a
                descriptor duplicates it. What it raises ends the request.

        Raises:
            Refused: CRIU failed.
        """
        return self._ask([(_TYPE, kind), (_OPTIONS, options)], kind, notified)

    def close(self) -> None:
        """Hang up and reap the process."""
        self._socket.close()
        if self.pid:
            try:
                os.waitpid(self.pid, 0)
            except ChildProcessError:
                pass
            self.pid = 0

    def _ask(self, message: Message, kind: int, notified: Notified | None) -> Answer:
        self._send(message)
        while True:
            fields, descriptors = self._receive()
            try:
                answered = _number(fields, _TYPE)
                if answered == NOTIFY:
                    self._notify(fields, descriptors, notified)
                    continue
            finally:
                for fd in descriptors:
                    os.close(fd)
            if not _number(fields, _SUCCESS) or answered != kind:
                text = _bytes(fields, _ERROR_TEXT).decode(errors="replace")
                raise Refused(text or "no reason given", _number(fields, _ERRNO))
            return _answer(fields)

    def _notify(self, fields: Fields, descriptors: list[int], notified: Notified | None) -> None:
        notification = decode(_bytes(fields, _NOTIFIED))
        is_done = False
        try:
            if notified is not None:
                notified(_bytes(notification, 1).decode(), _number(notification, 2), descriptors)
            is_done = True
        finally:
            self._send([(_TYPE, NOTIFY), (_NOTIFY_SUCCESS, is_done)])

    def _send(self, message: Message) -> None:
        try:
            self._socket.send(encode(message))
        except OSError:
            raise Refused("it has ended") from None

    def _receive(self) -> tuple[Fields, list[int]]:
        try:
            data, control, _, _ = self._socket.recvmsg(_MAX_DATAGRAM, _socket.CMSG_SPACE(4 * _MAX_DESCRIPTORS))
        except OSError:
            data, control = b"", []
        descriptors = [fd for _, _, content in control for (fd,) in struct.iter_unpack("i", content)]
        if not data:
            raise Refused("it has ended without an answer")
        return decode(data), descriptors


def _become(
    program: str, connection: int, inherited: Iterable[int], prepare: Callable[[], None] | None, reporter: int
) -> None:
    """Turn the forked child into criu; what fails is reported as a text."""
    try:
        if prepare is not None:
            prepare()
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (connection, *inherited):
            os.set_inheritable(fd, True)
        for fd in range(3):
            if fd not in inherited:
                os.dup2(null, fd)
        os.execv(program, [program, "swrk", str(connection)])
    except BaseException as error:  # noqa: BLE001 - the parent tells it
        os.write(reporter, str(error).encode())
    finally:
        os._exit(127)


def encode(message: Message) -> bytes:
    """Write a message: integers and booleans as varints, everything else with its length."""
    parts = []
    for field, given in message:
        value = given
        if isinstance(value, int):
            parts.append(_varint(field << 3) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF))
            continue
        if isinstance(value, str):
            value = os.fsencode(value)
        content = encode(value) if isinstance(value, list) else value
        parts.append(_varint(field << 3 | 2) + _varint(len(content)) + content)
    return b"".join(parts)


if TYPE_CHECKING:
    Fields: TypeAlias = dict[int, int | bytes]


def decode(data: bytes) -> Fields:
    """Read a message: the last value of each field, an integer or the bytes of a text or message.

    Raises:
        Refused: it is no message.
    """
    fields: Fields = {}
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        field, wire_type = key >> 3, key & 7
        if wire_type == 0:
            fields[field], position = _read_varint(data, position)
        elif wire_type == 2:
            length, position = _read_varint(data, position)
            fields[field] = data[position : position + length]
            position += length
        else:
            position += {1: 8, 5: 4}.get(wire_type, len(data))
    if position > len(data):
        raise Refused("it sent a message that cannot be read")
    return fields


def _varint(number: int) -> bytes:
    content = bytearray()
    while number > 0x7F:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    content.append(number)
    return bytes(content)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while position < len(data):
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise Refused("it sent a message that cannot be read")


def _answer(fields: Fields) -> Answer:
    version = decode(_bytes(fields, _FOUND_VERSION))
    features = decode(_bytes(fields, _FOUND_FEATURES))
    return Answer(
        pid=_number(decode(_bytes(fields, _RESTORED)), 1),
        version=_number(version, 1) * 10000 + _number(version, 2) * 100 + _number(version, 4),
        features=frozenset(field for field in features if _number(features, field)),
    )


def _number(fields: Fields, field: int) -> int:
    value = fields.get(field, 0)
    if not isinstance(value, int):
        raise Refused("it sent a message that cannot be read")
    return value - (1 << 64) if value >> 63 else value


def _bytes(fields: Fields, field: int) -> bytes:
    value = fields.get(field, b"")
    if not isinstance(value, bytes):
        raise Refused("it sent a message that cannot be read")
    return value
