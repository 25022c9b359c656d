"""The OCI runtime-spec's documents: read, checked, written; each part is loaded when it is first used."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.oci import decode, default, diagnose, json_text, load, spec, validate

__all__ = ["decode", "default", "diagnose", "json_text", "load", "spec", "validate"]


def __getattr__(name: str) -> object:
    """Load a part of the package, PEP 562."""
    if name in __all__:
        __import__(f"{__name__}.{name}")
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
