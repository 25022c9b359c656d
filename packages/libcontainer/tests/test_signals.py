from __future__ import annotations

import contextlib
import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import signals


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGTERM", 15), ("TERM", 15), ("term", 15), ("sigKill", 9), ("9", 9), ("0", 0), ("64", 64), ("018", 18),
        ("IOT", 6), ("SIGCLD", 17), ("POLL", 29), ("SIGSTKFLT", 16), ("SIGRTMIN", 34), ("RTMIN+0", 34),
        ("sigrtmin+3", 37), ("SIGRTMAX-1", 63), ("rtmax", 64),
    ],
)  # fmt: skip
def test_signal_is_known_by_name_and_number(text: str, number: int) -> None:
    assert signals.parse(text) == number


@pytest.mark.parametrize(
    "text", ["", "SIG", "SIGBOGUS", "65", "-1", "+1", "0x9", " TERM", "TERM ", "SIGSIGTERM", "_DFL", "SIG_IGN",
             "RTMIN+31", "RTMAX-31", "RTMIN-1", "RTMIN+", "RTMIN+-1", "１５", "99999999999999999999"]
)  # fmt: skip
def test_anything_else_is_unknown(text: str) -> None:
    with pytest.raises(ValueError, match=r"^unknown signal ") as caught:
        signals.parse(text)

    assert str(caught.value) == f'unknown signal "{text}"'


@pytest.mark.parametrize("number", range(1, 65))
def test_name_of_every_number_is_parsed_to_that_number(number: int) -> None:
    assert signals.parse(signals.name_of(number)) == number


@pytest.mark.parametrize(("number", "name"), [(6, "SIGABRT"), (17, "SIGCHLD"), (29, "SIGIO"), (37, "SIGRTMIN+3")])
def test_usual_name_is_shown(number: int, name: str) -> None:
    assert signals.name_of(number) == name


@given(st.text())
def test_parse_never_fails_otherwise(text: str) -> None:
    number = 0
    with contextlib.suppress(ValueError):
        number = signals.parse(text)

    assert 0 <= number <= 64


def test_reset_leaves_nothing_ignored_or_blocked() -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGRTMIN + 2):
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, lambda *_: None)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
            signals.reset_all()
            with open("/proc/self/status", "rb") as status:
                os.write(writer, status.read())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as told:
        masks = dict(line.split(":\t") for line in told.read().splitlines() if line.startswith("Sig"))

    # What is caught goes with execve(2); C code such as faulthandler has handlers that Python does not know.
    assert {int(masks[name], 16) for name in ("SigBlk", "SigIgn")} == {0}
