"""Checks the rules of a Spec that types and ranges cannot express and that need no kernel; changes nothing.

The rules are those of the OCI runtime-spec 1.3 and, where it is silent, what runc refuses; sentences that clients know
are runc's. What depends on the host (do files exist, what kind is a namespace) is checked where it is used. A group of
properties that few containers have is a module of its own, imported when a Spec has it.

A check is a generator of SpecErrors, so that all faults can be told at once.
"""

from __future__ import annotations

from libcontainer.errors import SpecError
from libcontainer.oci.validate import linux, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from libcgroups.resources import LinuxResources
    from libcontainer.oci.spec import Process, Spec

_MAX_UTS_NAME = 64


def validate(spec: Spec) -> None:
    """Check a whole configuration.

    Raises:
        SpecError: the first fault; ``errors`` lists all of them.
    """
    _raise(faults(spec))


def validate_process(process_: Process, at: str = "process") -> None:
    """Check a process alone, as ``exec`` gets it; ``at`` is its path in the document, put before faults.

    Raises:
        SpecError: the first fault; ``errors`` lists all of them.
    """
    _raise(process.faults(process_, at))


def validate_resources(resources_: LinuxResources, at: str = "") -> None:
    """Check resources alone, as ``update`` gets them; ``at`` is their path in the document, put before faults.

    Raises:
        SpecError: the first fault; ``errors`` lists all of them.
    """
    from libcontainer.oci.validate import resources

    _raise(resources.faults(resources_, at))


def faults(spec: Spec) -> Iterator[SpecError]:
    """Find every fault of a configuration."""
    if not _is_version_1(spec.oci_version):
        yield SpecError("ociVersion", f"expected a version 1.x.y of the specification, got {spec.oci_version!r}")
    if not spec.root.path:
        yield SpecError("root.path", "must not be empty")
    if spec.process is None:
        yield SpecError("process", "process property must not be empty")
    else:
        yield from process.faults(spec.process, "process")
    yield from _uts_names(spec)
    if "" in spec.annotations:
        yield SpecError("annotations", "a key must not be empty")
    if spec.mounts:
        from libcontainer.oci.validate import mounts

        yield from mounts.faults(spec)
    if spec.hooks is not None:
        from libcontainer.oci.validate import hooks

        yield from hooks.faults(spec.hooks)
    yield from linux.faults(spec)


def _uts_names(spec: Spec) -> Iterator[SpecError]:
    for name in ("hostname", "domainname"):
        value: str | None = getattr(spec, name)
        if not value:
            continue
        if not any(namespace.type == "uts" for namespace in spec.linux.namespaces):
            yield SpecError(
                name,
                f"unable to set {name} without a private UTS namespace",
                hint='add {"type": "uts"} to linux.namespaces',
            )
        if len(value.encode(errors="surrogatepass")) > _MAX_UTS_NAME:
            yield SpecError(name, f"longer than {_MAX_UTS_NAME} bytes")


def _is_version_1(text: str) -> bool:
    """Tell whether a text is a semantic version (2.0.0) with major 1, such as ``1.0.2-dev`` or ``1.3.0+dev``."""
    core, plus, build = text.partition("+")
    core, minus, pre = core.partition("-")
    numbers = core.split(".")
    if len(numbers) != 3 or numbers[0] != "1":
        return False
    if not all(part.isascii() and part.isdigit() and (part == "0" or part[0] != "0") for part in numbers):
        return False
    suffixes = ([pre] if minus else []) + ([build] if plus else [])
    return all(
        part and part.isascii() and part.replace("-", "0").isalnum()
        for suffix in suffixes
        for part in suffix.split(".")
    )


def _raise(found: Iterator[SpecError]) -> None:
    first = next(found, None)
    if first is None:
        return
    others = [str(fault) for fault in found]
    if others:
        first.errors = (str(first), *others)
        also = "also wrong: " + "; ".join(others)
        first.hint = also if first.hint is None else f"{first.hint}; {also}"
    raise first
