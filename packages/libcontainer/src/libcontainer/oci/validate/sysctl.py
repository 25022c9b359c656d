"""Rules of ``linux.sysctl``: only what belongs to a namespace of the container, never what the host shares."""

from __future__ import annotations

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from libcontainer.oci.spec import Spec

_OF_IPC = (
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
)
_SWAP = {ord("/"): ".", ord("."): "/"}


def faults(spec: Spec, namespaces: Mapping[str, str | None]) -> Iterator[SpecError]:
    """Find every fault of the sysctls; namespaces are the paths (None: new) by type."""
    for key in spec.linux.sysctl:
        name = dotted(key)
        reason = _reason(name, spec, namespaces)
        if reason is not None:
            yield SpecError("linux.sysctl", f'sysctl "{key[:80]}" {reason}')


def dotted(key: str) -> str:
    """Return a key in its form with dots; the first separator decides which one it is written with, sysctl(8)."""
    dot, slash = key.find("."), key.find("/")
    return key.translate(_SWAP) if slash >= 0 and (dot < 0 or slash < dot) else key


def path(key: str) -> str:
    """Return the path of a key below /proc/sys: ``net.ipv4.conf.eth0/1.mtu`` is ``net/ipv4/conf/eth0.1/mtu``."""
    return dotted(key).translate(_SWAP)


def _reason(name: str, spec: Spec, namespaces: Mapping[str, str | None]) -> str | None:
    if not all(part and part not in (".", "..") and "\0" not in part for part in path(name).split("/")):
        return "is not a name of a parameter"
    if name == "kernel.hostname":
        return 'conflicts with the OCI "hostname" field'
    if name == "kernel.domainname":
        if spec.domainname:
            return 'conflicts with the OCI "domainname" field'
        needed = "uts"
    elif name in _OF_IPC or name.startswith("fs.mqueue."):
        needed = "ipc"
    elif name.startswith("net."):
        needed = "network"
    elif name.startswith("user."):
        needed = "user"
    else:
        return "is not in a separate kernel namespace"
    return None if needed in namespaces else f"is not in a separate kernel namespace: it needs one of type {needed}"
