"""Writes log records for people and for engines; the messages themselves come from the libraries and from main.

Engines read the file back: containerd wants ``time`` as RFC 3339 with a zone and ``level`` "error" for the reason of a
failure, Podman decodes the whole file as one object, so that nothing but that one record may be in it by default.
"""

from __future__ import annotations

import os
import sys

from libcontainer import log as library_log
from libcontainer import rfc3339
from libcontainer.errors import LibcontainerError, SyscallError
from libcontainer.oci import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.table import GlobalOptions

_NAMES = {10: "debug", 20: "info", 30: "warning", 40: "error"}
_LEVELS = {"error": 40, "warning": 30, "warn": 30, "info": 20, "debug": 10, "trace": 10}


class Log:
    """Where and how records are written."""

    def __init__(self, path: str | None, *, is_json: bool, level: int, journal: bool = False) -> None:
        """Open what ``path`` names and, with ``journal``, the journal as well: an engine reads its file in any case."""
        self._fd = 2
        self._is_json = is_json
        self._journal = None
        self.is_stderr = path is None
        self.level = level
        if path is not None and path.startswith(("journald:", "syslog:")):
            from pyouki import journal as journal_module

            self._journal = journal_module.connect(path)
            self._fd = -1
        elif path is not None:
            path = path.removeprefix("file:")
            try:
                self._fd = os.open(
                    path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_SYNC, 0o644
                )
            except OSError as error:
                raise SyscallError(
                    f"open log file {path}", error.errno, object=path, hint="--log names a file to append to"
                ) from None
        if journal and self._journal is None:
            self._add_journal()

    def _add_journal(self) -> None:
        from pyouki import journal as journal_module

        try:
            self._journal = journal_module.connect("journald:pyouki")
        except LibcontainerError as error:
            # An engine that is told to pass --systemd-log passes it while journald is away as well.
            self.write(30, str(error))
            return
        if self.is_stderr:
            self._fd = -1
            self.is_stderr = False

    def write(self, level: int, text: str, **details: object) -> None:
        """Write one record; a ``libcontainer.log.Sink``."""
        if level < self.level:
            return
        if self._journal is not None:
            self._journal.write(level, text, details)
        if self._fd < 0:
            return
        moment = rfc3339.now()
        if self._is_json:
            line = json_text.dumps({"level": _NAMES[level], "msg": text, "time": moment, **details})
        else:
            line = f'time="{moment}" level={_NAMES[level]} msg={json_text.dumps(text)}'
        try:
            os.write(self._fd, f"{line}\n".encode())
        except OSError:
            pass  # A full disk or a closed terminal must not change what the command does.


def open_log(options: GlobalOptions) -> Log:
    """Make the log that the global options describe, and let the libraries write to it.

    Raises:
        SyscallError: the file cannot be opened.
    """
    level = _LEVELS[options.log_level]
    if options.debug:
        level = 10
    elif options.log is None and options.log_level == "error":
        level = 30  # people are told of what was asked for and not done; a file that an engine reads is not
    log = Log(options.log, is_json=options.log_format == "json", level=level, journal=options.systemd_log)
    library_log.set_sink(log.write, level)
    return log


def report(log: Log | None, error: BaseException) -> None:
    """Write the one record of a failure, and its text to standard error as well when the log is elsewhere."""
    text = str(error)
    details: dict[str, object] = {}
    hint = None
    if isinstance(error, LibcontainerError):
        details = error.to_dict()
        details.pop("message")
        hint = error.hint
    notes = getattr(error, "__notes__", ())
    if notes:
        details["notes"] = list(notes)
    if log is not None and not log.is_stderr:
        log.write(40, text, **details)
    elif log is not None and log._is_json:
        log.write(40, text, **details)
        return
    lines = [f"pyouki: {text}"] if log is None or log.is_stderr else [text]
    lines += [f"note: {note}" for note in notes]
    if hint:
        lines.append(f"hint: {hint}")
    sys.stderr.write("\n".join(lines) + "\n")
