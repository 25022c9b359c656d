"""Runs a function in a forked process with namespaces of its own and brings its result back; not a container."""

from __future__ import annotations

import json
import os
import traceback
from typing import TYPE_CHECKING, Any

from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall

if TYPE_CHECKING:
    from collections.abc import Callable

SYSCALL = LinuxSyscall()


class ChildFailed(AssertionError):
    """The function raised; the text is its traceback."""


def run(function: Callable[[], Any], namespaces: int = 0) -> Any:
    """Return what the function returned, which must be JSON-able."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _in_child(function, namespaces, writer)
    os.close(writer)
    with os.fdopen(reader) as told:
        text = told.read()
    os.waitpid(pid, 0)
    kind, value = json.loads(text) if text else ("failed", "the child died without a word")
    if kind == "failed":
        raise ChildFailed(value)
    return value


def _in_child(function: Callable[[], Any], namespaces: int, writer: int) -> None:
    try:
        if namespaces:
            SYSCALL.unshare(namespaces)
        if namespaces & flags.CLONE_NEWNS:
            SYSCALL.mount(None, "/", None, flags.MS_REC | flags.MS_PRIVATE, None)
        answer = ("returned", function())
    except BaseException:  # noqa: BLE001 - whatever it is, the parent raises it again
        answer = ("failed", traceback.format_exc())
    try:
        os.write(writer, json.dumps(answer).encode())
    finally:
        os._exit(0)
