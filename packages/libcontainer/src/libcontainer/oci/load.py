"""Reads config.json, a process and resources from files and streams; rules beyond types and ranges are ``validate``'s.

A file is foreign: it is opened without blocking on a FIFO, has to be a regular one, and its size is capped.
"""

from __future__ import annotations

import errno
import os
import stat

from libcgroups.resources import LinuxResources
from libcontainer.errors import SpecError, strerror
from libcontainer.oci import decode, json_text, spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from libcgroups.record import Record

    R = TypeVar("R", bound=Record)

CONFIG_NAME = "config.json"
_READ_SIZE = 64 * 1024
MAX_SIZE = 64 * 1024 * 1024
"""The largest document that is read, in bytes; Docker's configurations have 15 to 60 thousand."""


def load(path: str | os.PathLike[str]) -> spec.Spec:
    """Read a container's configuration.

    Args:
        path: a bundle, or the path of a config.json itself.

    Raises:
        SpecError: there is none, it cannot be read, or it is wrong; ``errors`` then lists all faults.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        name = os.path.join(name, CONFIG_NAME)
    return parse(read(name))


def parse(data: str | bytes) -> spec.Spec:
    """Make a Spec of the text of a config.json.

    Raises:
        SpecError: it is wrong; ``errors`` lists all faults.
    """
    return _decode(spec.Spec, data, CONFIG_NAME)


def complete(config: spec.Spec) -> spec.Spec:
    """Fill in what a configuration leaves to the runtime; to be called before it is validated.

    These are the mappings of a user namespace that an ordinary user makes without any, and the receiver of seccomp
    notifications that an annotation, or RUN_OCI_SECCOMP_RECEIVER in the environment, names.
    """
    linux = config.linux
    if os.geteuid() and _has_unmapped_user_namespace(linux):
        from libcontainer import subordinate_ids

        linux = linux.replace(
            uid_mappings=subordinate_ids.mappings("uid"), gid_mappings=subordinate_ids.mappings("gid")
        )
    seccomp = linux.seccomp
    if seccomp is not None and not seccomp.listener_path and _asks_an_agent(seccomp):
        from libcontainer import run_oci

        receiver = config.annotations.get(run_oci.SECCOMP_RECEIVER) or os.getenv("RUN_OCI_SECCOMP_RECEIVER")
        if receiver:
            linux = linux.replace(seccomp=seccomp.replace(listener_path=receiver))
    return config if linux is config.linux else config.replace(linux=linux)


def _has_unmapped_user_namespace(linux: spec.Linux) -> bool:
    if linux.uid_mappings or linux.gid_mappings:
        return False
    return any(entry.type == "user" and not entry.path for entry in linux.namespaces)


def _asks_an_agent(seccomp: spec.LinuxSeccomp) -> bool:
    return any(rule.action == "SCMP_ACT_NOTIFY" for rule in seccomp.syscalls)


def load_process(source: str | os.PathLike[str] | bytes) -> spec.Process:
    """Read a process, as ``exec --process`` takes it, from a path; or from bytes, which are the document itself.

    Raises:
        SpecError: as for ``load``.
    """
    if isinstance(source, bytes):
        return _decode(spec.Process, source, "process")
    return _decode(spec.Process, read(source), os.fspath(source))


def load_resources(source: str | os.PathLike[str] | bytes) -> LinuxResources:
    """Read resources, as ``update --resources`` takes them, from a path; or from bytes, which are the document itself.

    Raises:
        SpecError: as for ``load``.
    """
    if isinstance(source, bytes):
        return _decode(LinuxResources, source, "resources")
    return _decode(LinuxResources, read(source), os.fspath(source))


def read(path: str | os.PathLike[str]) -> bytes:
    """Read a foreign document whole.

    Raises:
        SpecError: it is missing, not a regular file, larger than ``MAX_SIZE``, or cannot be read.
    """
    name = os.fspath(path)
    try:
        # O_NONBLOCK: opening a FIFO that nobody writes would hang the runtime, and with it the engine.
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _open_error(name, error) from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise SpecError("", f"read {name}: not a regular file")
        if status.st_size > MAX_SIZE:
            raise SpecError("", f"read {name}: larger than {MAX_SIZE} bytes")
        return _read_all(fd, name)
    except OSError as error:
        raise SpecError("", f"read {name}: {strerror(error.errno or errno.EIO)}") from None
    finally:
        os.close(fd)


def _read_all(fd: int, name: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    # The size may change while we read, and files of procfs claim to be empty: it is counted again.
    while part := os.read(fd, _READ_SIZE):
        size += len(part)
        if size > MAX_SIZE:
            raise SpecError("", f"read {name}: larger than {MAX_SIZE} bytes")
        parts.append(part)
    return b"".join(parts)


def _open_error(name: str, error: OSError) -> SpecError:
    if error.errno == errno.ENOENT and os.path.basename(name) == CONFIG_NAME:
        # Clients know this sentence.
        bundle = os.path.dirname(os.path.abspath(name))
        return SpecError(
            "",
            f"JSON specification file {CONFIG_NAME} not found",
            hint=f"looked in {bundle}; name another bundle with --bundle, or write a first {CONFIG_NAME} with spec",
        )
    return SpecError("", f"open {name}: {strerror(error.errno or errno.EIO)}")


def _decode(cls: type[R], data: str | bytes, name: str) -> R:
    try:
        value = json_text.loads_untrusted(data)
    except ValueError as error:
        raise SpecError("", f"read {name}: {error}", hint="the file must be JSON, RFC 8259, in UTF-8") from None
    try:
        return decode.decode(cls, value)
    except SpecError as first:
        # Importing pydantic costs many times what the rest does, but on this path a person is waiting for an answer.
        from libcontainer.oci import diagnose

        complete = diagnose.complete(cls, value, first)
        if not complete.property:
            # The document as a whole: only its name can say where.
            raise SpecError("", f"{name}: {complete}", hint=complete.hint, errors=complete.errors) from None
        raise complete from None
