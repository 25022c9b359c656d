"""Network devices moved from the host into a container, linux.netDevices; not for creating or configuring devices.

A moved device keeps its permanent global addresses, may get another name, and is up in the end. All is done from
outside, over one rtnetlink socket in each of the two network namespaces.
"""

from __future__ import annotations

import errno
import os
import struct

from libcgroups.record import Record
from libcontainer import errors, netlink
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from libcontainer.oci.spec import LinuxNetDevice
    from libcontainer.syscall import Syscall

# linux/if_link.h, linux/if_addr.h, linux/if.h, linux/rtnetlink.h
_IFLA_IFNAME = 3
_IFLA_NET_NS_FD = 28
_IFA_ADDRESS = 1
_IFA_LOCAL = 2
_IFA_BROADCAST = 4
_IFA_F_PERMANENT = 0x80
_RT_SCOPE_UNIVERSE = 0
_IFF_UP = 0x1
_IFF_LOOPBACK = 0x8
_IFINFOMSG = struct.Struct("=BxHiII")
_IFADDRMSG = struct.Struct("=BBBBI")
_DUMP_ATTEMPTS = 5


class Address(Record):
    """An address of a device; the attributes are what RTM_NEWADDR takes."""

    family: int
    prefix_length: int
    attributes: bytes


class MovedDevice(Record):
    """What was moved, and what is needed to bring it back."""

    host_name: str
    name: str
    was_up: bool
    addresses: tuple[Address, ...]


class Mover:
    """Moves devices between the network namespace of the caller and that of a container; to be closed."""

    def __init__(self, syscall: Syscall, netns_fd: int) -> None:
        """Connect to both namespaces.

        ``netns_fd`` is the container's network namespace.

        Raises:
            SyscallError: the container's namespace cannot be entered for a moment.
        """
        self._container_fd = netns_fd
        self._host_fd = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._host = netlink.Connection()
            try:
                self._container = self._connect_inside(syscall)
            except BaseException:
                self._host.close()
                raise
        except BaseException:
            os.close(self._host_fd)
            raise

    def close(self) -> None:
        """Close the sockets."""
        self._host.close()
        self._container.close()
        os.close(self._host_fd)

    def move_all(self, devices: Mapping[str, LinuxNetDevice]) -> list[MovedDevice]:
        """Move the devices of linux.netDevices; when one cannot be moved, those already moved are brought back.

        Raises:
            SyscallError: a device does not exist, its new name is taken, or the kernel refused.
        """
        moved: list[MovedDevice] = []
        try:
            for host_name, device in devices.items():
                moved.append(self.move(host_name, device.name or host_name))
        except errors.LibcontainerError as error:
            try:
                self.bring_all_back(moved)
            except errors.LibcontainerError as second:
                error.add_note(str(second))
            raise
        return moved

    def bring_all_back(self, moved: Sequence[MovedDevice]) -> None:
        """Undo ``move_all``, the last device first; one that cannot be brought back does not keep the others.

        Raises:
            SyscallError: the kernel refused; each further refusal is a note.
        """
        failure: errors.LibcontainerError | None = None
        for device in reversed(moved):
            try:
                self.bring_back(device)
            except errors.LibcontainerError as error:
                if failure is None:
                    failure = error
                else:
                    failure.add_note(str(error))
        if failure is not None:
            raise failure

    def move(self, host_name: str, name: str) -> MovedDevice:
        """Move one device into the container and set it up there.

        ``name`` is its name in the container; ``eth%d`` stands for the first free number.

        Raises:
            SyscallError: ENODEV when there is no such device, EEXIST when the name is taken in the container.
        """
        task = f"move network device {host_name} into the container"
        try:
            index, device_flags = _find(self._host, host_name)
            if device_flags & _IFF_LOOPBACK:
                raise netlink.NetlinkError(errno.EINVAL, "the loopback device cannot be moved")
            name = _resolve_name(self._container, name)
            moved = MovedDevice(host_name, name, bool(device_flags & _IFF_UP), _addresses(self._host, index))
            _give(self._host, index, self._container_fd, name)
        except netlink.NetlinkError as error:
            raise _refused(error, task, host_name) from error
        try:
            _configure(self._container, name, moved.addresses, up=True)
        except netlink.NetlinkError as error:
            failure = _refused(error, f"configure network device {name} in the container", host_name)
            try:
                self.bring_back(moved)
            except errors.LibcontainerError as second:
                failure.add_note(str(second))
            raise failure from error
        return moved

    def bring_back(self, moved: MovedDevice) -> None:
        """Undo ``move``: for a container that could not be created; a virtual device would vanish with its namespace.

        Raises:
            SyscallError: the kernel refused.
        """
        try:
            index, _ = _find(self._container, moved.name)
            _give(self._container, index, self._host_fd, moved.host_name)
            _configure(self._host, moved.host_name, moved.addresses, up=moved.was_up)
        except netlink.NetlinkError as error:
            raise _refused(error, f"bring network device {moved.host_name} back", moved.host_name) from error

    def _connect_inside(self, syscall: Syscall) -> netlink.Connection:
        try:
            syscall.setns(self._container_fd, flags.CLONE_NEWNET)
        except OSError as error:
            raise errors.syscall_error(
                error, "enter the container's network namespace", step="netDevices", property="linux.netDevices"
            ) from error
        try:
            return netlink.Connection()
        finally:
            syscall.setns(self._host_fd, flags.CLONE_NEWNET)


def _find(connection: netlink.Connection, name: str) -> tuple[int, int]:
    """Return a device's index and IFF flags."""
    query = _IFINFOMSG.pack(0, 0, 0, 0, 0) + netlink.attribute(_IFLA_IFNAME, os.fsencode(name) + b"\0")
    answers = connection.request(netlink.RTM_GETLINK, query)
    if not answers:
        raise netlink.NetlinkError(errno.ENODEV)
    _, _, index, device_flags, _ = _IFINFOMSG.unpack_from(answers[0])
    return index, device_flags


def _resolve_name(connection: netlink.Connection, name: str) -> str:
    """Return the name with ``%d`` replaced by the first free number; EEXIST when a plain name is taken."""
    taken = {
        os.fsdecode(netlink.attributes(answer[_IFINFOMSG.size :]).get(_IFLA_IFNAME, b"").rstrip(b"\0"))
        for answer in _dump(connection, netlink.RTM_GETLINK, _IFINFOMSG.pack(0, 0, 0, 0, 0))
    }
    if "%d" not in name:
        if name in taken:
            raise netlink.NetlinkError(errno.EEXIST, f"the container has a device {name} already")
        return name
    number = 0
    while name.replace("%d", str(number), 1) in taken:
        number += 1
    return name.replace("%d", str(number), 1)


def _addresses(connection: netlink.Connection, index: int) -> tuple[Address, ...]:
    """Return the addresses of a device that are to move with it: permanent ones of universal scope."""
    found = []
    for answer in _dump(connection, netlink.RTM_GETADDR, _IFADDRMSG.pack(0, 0, 0, 0, 0)):
        family, prefix_length, address_flags, scope, address_index = _IFADDRMSG.unpack_from(answer)
        if address_index != index or scope != _RT_SCOPE_UNIVERSE or not address_flags & _IFA_F_PERMANENT:
            continue
        values = netlink.attributes(answer[_IFADDRMSG.size :])
        kept = b"".join(
            netlink.attribute(kind, values[kind])
            for kind in (_IFA_LOCAL, _IFA_ADDRESS, _IFA_BROADCAST)
            if kind in values
        )
        found.append(Address(family, prefix_length, kept))
    return tuple(found)


def _dump(connection: netlink.Connection, kind: int, payload: bytes) -> list[bytes]:
    for attempt in range(_DUMP_ATTEMPTS):
        try:
            return connection.request(kind, payload, netlink.NLM_F_DUMP)
        except netlink.NetlinkError as error:
            if error.errno != errno.EINTR or attempt == _DUMP_ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _give(connection: netlink.Connection, index: int, netns_fd: int, name: str) -> None:
    """Move a device into another namespace under a name; the kernel sets it down and drops its addresses."""
    request = _IFINFOMSG.pack(0, 0, index, 0, 0)
    request += netlink.attribute(_IFLA_NET_NS_FD, struct.pack("=I", netns_fd))
    request += netlink.attribute(_IFLA_IFNAME, os.fsencode(name) + b"\0")
    connection.request(netlink.RTM_NEWLINK, request)


def _configure(connection: netlink.Connection, name: str, addresses: tuple[Address, ...], *, up: bool) -> None:
    index, _ = _find(connection, name)
    for address in addresses:
        header = _IFADDRMSG.pack(address.family, address.prefix_length, 0, _RT_SCOPE_UNIVERSE, index)
        connection.request(netlink.RTM_NEWADDR, header + address.attributes, netlink.NLM_F_CREATE | netlink.NLM_F_EXCL)
    if up:
        connection.request(netlink.RTM_NEWLINK, _IFINFOMSG.pack(0, 0, index, _IFF_UP, _IFF_UP))


def _refused(error: netlink.NetlinkError, message: str, host_name: str) -> errors.SyscallError:
    reason = f" ({error.reason})" if error.reason else ""
    failure = errors.syscall_error(
        error, f"{message}{reason}", step="netDevices", property=f"linux.netDevices[{host_name}]"
    )
    failure.object = host_name
    return failure
