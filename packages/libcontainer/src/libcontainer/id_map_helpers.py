"""newuidmap(1) and newgidmap(1): set-user-ID helpers that write the maps an ordinary user may not write."""

from __future__ import annotations

import os

from libcontainer.errors import SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from libcontainer.oci.spec import LinuxIDMapping


def run(helper: str, pid: int, mappings: Sequence[LinuxIDMapping]) -> None:
    """Write the map of a process by newuidmap or newgidmap.

    Raises:
        SyscallError: the helper is missing or refused; its words are in the message.
    """
    path = find(helper)
    if path is None:
        raise _failed(helper, "executable file not found in $PATH", f"install {helper} (package uidmap)")
    argv = [helper, str(pid)]
    for mapping in mappings:
        argv += [str(mapping.container_id), str(mapping.host_id), str(mapping.size)]
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        child = os.posix_spawn(path, argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 2)])
    finally:
        os.close(writer)
    with open(reader, "rb", buffering=0) as stream:
        words = stream.read(4096) or b""
    _, status = os.waitpid(child, 0)
    if status:
        raise _failed(
            helper,
            f"exit status {os.waitstatus_to_exitcode(status)}: {words.decode(errors='replace').strip()}",
            f"give the user a range in /etc/sub{helper[3]}id that holds the mapped ids",
        )


def find(helper: str) -> str | None:
    """Return where the helper is installed, None if it is not; looked up in PATH, then where it usually is."""
    directories = [*os.environ.get("PATH", "").split(":"), "/usr/bin", "/usr/local/bin", "/bin"]
    for directory in directories:
        path = os.path.join(directory, helper)
        if directory.startswith("/") and os.access(path, os.X_OK):
            return path
    return None


def _failed(helper: str, reason: str, hint: str) -> SyscallError:
    kind = helper[3:6]
    return SyscallError(
        f"{helper}: {reason}", step="map_ids", property=f"linux.{kind}Mappings", object=helper, hint=hint
    )
