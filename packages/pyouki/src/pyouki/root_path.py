"""Where the states of containers are kept when nobody says so; not how they look (see libcontainer's store)."""

from __future__ import annotations

import os

from libcontainer import user_ns
from libcontainer.errors import ArgumentError

DEFAULT = "/run/pyouki"


def is_rootless() -> bool:
    """Tell whether this process is not root of the host: another user, or root of a user namespace only."""
    return os.geteuid() != 0 or user_ns.is_in_user_namespace()


def determine(given: str | None) -> str:
    """Return the absolute directory of all containers.

    ``--root`` wins. Root of the host gets /run/pyouki. Others get the first that they can make or own of
    $XDG_RUNTIME_DIR/pyouki, /run/user/UID/pyouki, $HOME/.pyouki/run and /tmp/pyouki-UID; with the sticky bit, which
    keeps cleaners of temporary files away (XDG Base Directory Specification).

    Raises:
        ArgumentError: ``--root`` is empty or ``/``, or no place can be used.
    """
    if given is not None:
        if given in ("", "/"):
            raise ArgumentError(f"invalid --root {given!r}", object=given, hint="name a directory of its own")
        # Importing os.path costs as much as all else that is done with the path.
        return given if _is_normal(given) else os.path.abspath(given)
    if not is_rootless():
        return DEFAULT
    uid = os.geteuid()
    for parent, name in (
        (os.getenv("XDG_RUNTIME_DIR"), "pyouki"),
        (f"/run/user/{uid}", "pyouki"),
        (os.getenv("HOME"), ".pyouki/run"),
        ("/tmp", f"pyouki-{uid}"),  # its owner is checked
    ):
        if parent and os.path.isabs(parent):
            candidate = os.path.join(parent, name)
            if _is_ours(candidate, uid):
                return candidate
    raise ArgumentError(
        "no directory for the states of containers can be used", hint="set XDG_RUNTIME_DIR, or give --root"
    )


def _is_normal(path: str) -> bool:
    """Tell whether an absolute path is plainly one without superfluous parts."""
    return path[0] == "/" and "//" not in path and "/." not in path and path[-1] != "/"


def _is_ours(path: str, uid: int) -> bool:
    try:
        try:
            os.makedirs(path, 0o700)
            os.chmod(path, 0o1700)
        except FileExistsError:
            pass
        found = os.lstat(path)
    except OSError:
        return False
    return os.path.isdir(path) and not os.path.islink(path) and found.st_uid == uid and os.access(path, os.W_OK)
