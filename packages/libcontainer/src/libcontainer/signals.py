"""Signal numbers by name, and a clean slate of dispositions before exec, signal(7); not for delivering signals."""

from __future__ import annotations

import _signal

_FIRST_REALTIME: int = _signal.SIGRTMIN
_LAST: int = _signal.SIGRTMAX


def parse(text: str) -> int:
    """Return the number of a signal given as ``SIGTERM``, ``TERM``, ``15``, ``SIGRTMIN+3`` or ``RTMAX-1``.

    Letters of any case are taken. 0 is the null signal of kill(2).

    Raises:
        ValueError: ``unknown signal "X"``.
    """
    if text.isascii() and text.isdigit():
        number = int(text)
        if number <= _LAST:
            return number
    else:
        name = text.upper().removeprefix("SIG")
        if name in _numbers():
            return _numbers()[name]
        found = _realtime(name)
        if found is not None:
            return found
    raise ValueError(f'unknown signal "{text}"')


def name_of(number: int) -> str:
    """Return ``SIGTERM`` for 15, ``SIGRTMIN+3`` for 37; a number without a name is returned as its digits."""
    for name, value in _numbers().items():
        if value == number:
            return f"SIG{name}"
    if _FIRST_REALTIME < number < _LAST:
        return f"SIGRTMIN+{number - _FIRST_REALTIME}"
    return str(number)


def take_notice() -> None:
    """Ignore and block no signal any more, for a process that goes on in Python; handlers stay as they are.

    What C libraries have installed is theirs: wasm engines learn of traps by SIGILL and SIGSEGV.
    """
    for number in range(1, _LAST + 1):
        if 32 <= number < _FIRST_REALTIME:  # the C library's own
            continue
        if _signal.getsignal(number) == _signal.SIG_IGN:
            _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def _realtime(name: str) -> int | None:
    for base, sign, start in (("RTMIN", "+", _FIRST_REALTIME), ("RTMAX", "-", _LAST)):
        digits = name.removeprefix(base + sign)
        if digits != name and digits.isascii() and digits.isdigit():
            number = start + int(digits) if sign == "+" else start - int(digits)
            return number if _FIRST_REALTIME <= number <= _LAST else None
    return None


_table: dict[str, int] = {}


def _numbers() -> dict[str, int]:
    """Return the numbers by name without SIG, first the usual name of those that have two; they differ by machine."""
    if not _table:
        present = {
            name[3:]: int(value)
            for name, value in vars(_signal).items()
            if name.startswith("SIG") and not name.startswith("SIG_") and isinstance(value, int)
        }
        for alias in ("IOT", "CLD", "POLL"):
            value = present.pop(alias, None)
            if value is not None:
                present[alias] = value  # to the end, so that name_of finds ABRT, CHLD and IO first
        _table.update(present)
    return _table
