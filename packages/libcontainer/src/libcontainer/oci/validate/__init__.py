"""Checks the rules of a Spec that types and ranges cannot express and that need no kernel; changes nothing.

The rules are those of the OCI runtime-spec 1.3 and, where it is silent, what runc refuses; sentences that clients know
are runc's. What depends on the host (do files exist, what kind is a namespace) is checked where it is used. A group of
properties that few containers have is a module of its own, imported when a Spec has it.

A check is a generator of SpecErrors, so that all faults can be told at once.
"""

from __future__ import annotations

import os

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from libcgroups.resources import LinuxResources
    from libcontainer.oci.spec import Mount, Process, Rlimit, Spec

ALLOWED_IN_PROC = (
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
)
"""What lxcfs and its like may replace. Anything else below /proc could stand in for what the runtime writes to."""
_MAX_UTS_NAME = 64
_MAX_TERMINAL_SIZE = 2**16 - 1


def validate(spec: Spec) -> None:
    """Check a whole configuration.

    Raises:
        SpecError: the first fault; ``errors`` lists all of them.
    """
    _raise(faults(spec))


def validate_process(process: Process, at: str = "process") -> None:
    """Check a process alone, as ``exec`` gets it; ``at`` is its path in the document, put before faults.

    Raises:
        SpecError: the first fault; ``errors`` lists all of them.
    """
    _raise(_process(process, at))


def validate_resources(limits: LinuxResources, at: str = "") -> None:
    """Check resources alone, as ``update`` gets them; ``at`` is their path in the document, put before faults.

    Raises:
        SpecError: the first fault; ``errors`` lists all of them.
    """
    from libcontainer.oci.validate import resources

    _raise(resources.faults(limits, at))


def faults(spec: Spec) -> Iterator[SpecError]:
    """Find every fault of a configuration."""
    if not _is_version_1(spec.oci_version):
        yield SpecError("ociVersion", f"expected a version 1.x.y of the specification, got {spec.oci_version!r}")
    if not spec.root.path:
        yield SpecError("root.path", "must not be empty")
    if spec.process is None:
        yield SpecError("process", "process property must not be empty")
    else:
        yield from _process(spec.process, "process")
    yield from _uts_names(spec)
    if "" in spec.annotations:
        yield SpecError("annotations", "a key must not be empty")
    if spec.mounts:
        yield from _mounts(spec)
    if spec.hooks is not None:
        from libcontainer.oci.validate import hooks

        yield from hooks.faults(spec.hooks)
    from libcontainer.oci.validate import linux

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


def _process(process: Process, at: str) -> Iterator[SpecError]:
    if not process.cwd.startswith("/"):
        yield SpecError(f"{at}.cwd", "Cwd must be an absolute path")
    if not process.args:
        yield SpecError(f"{at}.args", "args must not be empty")
    elif "\0" in "".join(process.args) or "\0" in process.cwd:
        yield SpecError(f"{at}.args", "args and cwd must not hold a NUL character")
    yield from _environment(process.env, f"{at}.env")
    if process.rlimits:
        yield from _rlimits(process.rlimits, f"{at}.rlimits")
    if process.terminal and process.console_size is not None:
        for name in ("height", "width"):
            if getattr(process.console_size, name) > _MAX_TERMINAL_SIZE:
                yield SpecError(f"{at}.consoleSize.{name}", f"expected at most {_MAX_TERMINAL_SIZE}")
    if process.scheduler is not None or process.exec_cpu_affinity is not None:
        from libcontainer.oci.validate import scheduling

        yield from scheduling.faults(process, at)


def _environment(env: Sequence[str], at: str) -> Iterator[SpecError]:
    for index, entry in enumerate(env):
        # The value is never shown: it may be a secret.
        name, equals, _ = entry.partition("=")
        if not equals:
            yield SpecError(f"{at}[{index}]", f"invalid environment variable {name[:80]!r}: missing '='")
        elif not name:
            yield SpecError(f"{at}[{index}]", "invalid environment variable: name cannot be empty")
        elif "\0" in entry:
            yield SpecError(f"{at}[{index}]", f"invalid environment variable {name[:80]!r}: holds a NUL character")


def _rlimits(rlimits: Sequence[Rlimit], at: str) -> Iterator[SpecError]:
    seen: set[str] = set()
    for index, rlimit in enumerate(rlimits):
        if rlimit.type in seen:
            yield SpecError(f"{at}[{index}].type", f"duplicated rlimit {rlimit.type}")
        seen.add(rlimit.type)
        if rlimit.soft > rlimit.hard:
            yield SpecError(
                f"{at}[{index}].soft", f"soft limit {rlimit.soft} of {rlimit.type} exceeds the hard limit {rlimit.hard}"
            )


def _mounts(spec: Spec) -> Iterator[SpecError]:
    has_user_namespace = any(namespace.type == "user" for namespace in spec.linux.namespaces)
    for index, mount in enumerate(spec.mounts):
        if not mount.destination:
            yield SpecError(f"mounts[{index}].destination", "must not be empty")
            continue
        # The destination is resolved in the rootfs later, and checked again; this catches what is plain to see.
        destination = os.path.normpath("/" + mount.destination.lstrip("/"))
        if destination == "/":
            yield SpecError(f"mounts[{index}].destination", "nothing can be mounted over the root of the container")
        elif destination == "/proc" or destination.startswith("/proc/"):
            yield from _over_proc(mount, destination, f"mounts[{index}].destination")
        if mount.uid_mappings or mount.gid_mappings or "idmap" in mount.options or "ridmap" in mount.options:
            yield from _idmapped(mount, f"mounts[{index}]", has_user_namespace)


def is_bind(mount: Mount) -> bool:
    """Tell whether a mount is a bind mount: the options say so, the type does not matter."""
    return "bind" in mount.options or "rbind" in mount.options


def _over_proc(mount: Mount, destination: str, at: str) -> Iterator[SpecError]:
    if destination == "/proc":
        if mount.type != "proc" and not is_bind(mount):
            yield SpecError(at, f'"{destination}" cannot be mounted because it is not of type proc')
    elif destination not in ALLOWED_IN_PROC:
        yield SpecError(at, f'"{destination}" cannot be mounted because it is inside /proc')


def _idmapped(mount: Mount, at: str, has_user_namespace: bool) -> Iterator[SpecError]:
    if bool(mount.uid_mappings) != bool(mount.gid_mappings):
        missing = "gidMappings" if mount.uid_mappings else "uidMappings"
        yield SpecError(f"{at}.{missing}", "uidMappings and gidMappings are needed together")
    elif not mount.uid_mappings and not has_user_namespace:
        yield SpecError(
            f"{at}.options", "an idmapped mount needs uidMappings and gidMappings, or a user namespace whose it can use"
        )
    if not is_bind(mount):
        yield SpecError(
            f"{at}.options", "only bind mounts can be idmapped", hint='add "bind" or "rbind" to the options'
        )
    from libcontainer.oci.validate import ids

    yield from ids.faults(mount.uid_mappings, f"{at}.uidMappings")
    yield from ids.faults(mount.gid_mappings, f"{at}.gidMappings")


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
