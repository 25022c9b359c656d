"""The environment of the container's process and the look-up of its program, environ(7); not for executing it.

Both happen inside the container, after the change of root, directory and user. No name service is asked: the C
library would load its modules from the container.
"""

from __future__ import annotations

import errno
import os
import stat

from libcontainer import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PASSWD_LIMIT = 16 * 1024 * 1024
"""Bytes of a passwd file that are looked at; a larger file is treated as one that names nobody."""


def build(entries: Sequence[str], uid: int, user_database: str = "/etc/passwd") -> dict[str, str]:
    """Return the final environment: the entries in order, the last of duplicates winning, and HOME.

    A missing or empty HOME is taken from the container's passwd file by the user id, and is ``/`` when that file is
    missing, unreadable or does not name the user.

    ``entries`` is process.env, ``NAME=VALUE`` each.
    """
    environment: dict[str, str] = {}
    for entry in entries:
        name, _, value = entry.partition("=")
        environment[name] = value
    if not environment.get("HOME"):
        environment["HOME"] = home_of(_read_passwd(user_database), uid) or "/"
    return environment


def lines(environment: dict[str, str]) -> list[str]:
    """Return the environment as the ``NAME=VALUE`` strings of execve(2)."""
    return [f"{name}={value}" for name, value in environment.items()]


def home_of(passwd: bytes, uid: int) -> str | None:
    """Return the home directory that a passwd(5) file gives a user id, None when it names no such user.

    The first line of the id wins; lines that are not passwd lines are passed over. The directory may be empty.
    """
    wanted = b"%d" % uid
    for line in passwd.split(b"\n"):
        fields = line.split(b":")
        if len(fields) >= 6 and fields[2] == wanted and b"\0" not in fields[5]:
            return os.fsdecode(fields[5])
    return None


def find_executable(args0: str, path: str | None, cwd: str) -> str:
    """Find the program that args[0] names, as execvp(3) does, and check that the present user may execute it.

    A name with a slash is taken as it is. Another is searched in the directories of ``path``; there, something that
    may not be executed does not end the search.

    Args:
        args0: process.args[0].
        path: PATH of the container's environment; None when it has none, and then nothing is found.
        cwd: the process's working directory, which relative names start from.

    Returns:
        The path to execute; relative when ``args0`` or the entry of PATH is.

    Raises:
        ExecutableError: ``exec: "NAME": reason``.
    """
    if "/" in args0:
        refusal = _refusal(_join(cwd, args0))
        if refusal is None:
            return args0
        what = f": stat {args0}" if refusal.filename else ""
        raise _error(args0, f"exec: {_quote(args0)}{what}", refusal.errno)
    refused = None
    for directory in path.split(":") if args0 and path else ():
        candidate = _join(directory or ".", args0)
        refusal = _refusal(_join(cwd, candidate))
        if refusal is None:
            return candidate
        if refusal.errno == errno.EACCES and refused is None:
            refused = candidate
    hint = None if path else "process.env sets no PATH"
    if refused is not None:
        hint = f"{refused} is there but this user may not execute it"
    raise _error(args0, f"exec: {_quote(args0)}: executable file not found in $PATH", None, hint)


def _join(directory: str, name: str) -> str:
    """Return the path of a name that is relative to a directory, or not; os.path would be imported for this alone."""
    return name if name.startswith("/") else f"{directory.rstrip('/')}/{name}"


def _refusal(path: str) -> OSError | None:
    """Return why a path cannot be executed, None when it can; the error has a filename when it cannot even be seen."""
    try:
        found = os.stat(path)
    except OSError as error:
        return error
    # access(2) also says no on a noexec mount.
    if stat.S_ISDIR(found.st_mode) or not os.access(path, os.X_OK):
        return OSError(errno.EACCES, os.strerror(errno.EACCES))
    return None


def _error(args0: str, message: str, number: int | None, hint: str | None = None) -> errors.ExecutableError:
    return errors.ExecutableError(message, number, step="exec", property="process.args[0]", object=args0, hint=hint)


def _quote(text: str) -> str:
    return '"' + repr(text)[1:-1].replace('"', '\\"') + '"'


def _read_passwd(path: str) -> bytes:
    """Return the content of a passwd file; nothing unless it is a regular file of an acceptable size."""
    try:
        # O_NONBLOCK: the image may have put a FIFO there.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > PASSWD_LIMIT:
            return b""
        chunks = []
        left = PASSWD_LIMIT
        while left > 0:
            chunk = os.read(fd, min(left, 65536))
            if not chunk:
                break
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)
    except OSError:
        return b""
    finally:
        os.close(fd)
