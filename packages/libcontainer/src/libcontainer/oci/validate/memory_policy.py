"""Rules of ``linux.memoryPolicy``, set_mempolicy(2); whether the nodes exist is not checked here."""

from __future__ import annotations

from libcontainer.errors import SpecError
from libcontainer.oci.validate.lists import is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from libcontainer.oci.spec import LinuxMemoryPolicy

_WITHOUT_NODES = ("MPOL_DEFAULT", "MPOL_LOCAL")
_WITH_NODES = ("MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED_MANY")
_EXCLUSIVE = {"MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"}


def faults(policy: LinuxMemoryPolicy) -> Iterator[SpecError]:
    """Find every fault of the policy."""
    at = "linux.memoryPolicy"
    nodes = policy.nodes or ""
    if nodes and policy.mode in _WITHOUT_NODES:
        yield SpecError(f"{at}.nodes", f"must be empty for {policy.mode}")
    elif not nodes and policy.mode in _WITH_NODES:
        yield SpecError(f"{at}.nodes", f"must not be empty for {policy.mode}")
    if nodes and not is_list(nodes):
        yield SpecError(f"{at}.nodes", f"expected a list such as '0-1,3', got {nodes[:80]!r}")
    if policy.flags and policy.mode in _WITHOUT_NODES:
        yield SpecError(f"{at}.flags", f"must be empty for {policy.mode}")
    if _EXCLUSIVE.issubset(policy.flags):
        yield SpecError(f"{at}.flags", f"{' and '.join(sorted(_EXCLUSIVE))} exclude each other")
