"""Rules of ``linux.netDevices``: names as the kernel allows them, one device a name."""

from __future__ import annotations

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from libcontainer.oci.spec import LinuxNetDevice

_MAX_NAME = 15


def faults(devices: Mapping[str, LinuxNetDevice], namespaces: Mapping[str, str | None]) -> Iterator[SpecError]:
    """Find every fault of the devices, by their names on the host."""
    at = "linux.netDevices"
    if "network" not in namespaces:
        yield SpecError(
            at,
            "unable to move network devices without a private NET namespace",
            hint='add {"type": "network"} to linux.namespaces',
        )
    targets: set[str] = set()
    for host_name, device in devices.items():
        target = device.name or host_name
        for name in {host_name: None, target: None}:
            if not is_interface_name(name):
                yield SpecError(at, f"{name[:80]!r} is not a name of a network device")
        if target in targets and "%" not in target:
            yield SpecError(at, f"two devices cannot both be named {target[:80]!r}")
        targets.add(target)


def is_interface_name(name: str) -> bool:
    """Tell whether the kernel allows a name for a network device: dev_valid_name, 15 bytes, no slash, colon, space."""
    if not 0 < len(name.encode(errors="surrogatepass")) <= _MAX_NAME or name in (".", ".."):
        return False
    return not any(character in "/:\0" or character.isspace() for character in name)
