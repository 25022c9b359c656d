"""The streams that a container is given."""

from __future__ import annotations

import os
import tempfile

from libcontainer.stdio_capture import Capture, Stdio


def test_what_is_written_is_read_again_and_again_and_after_the_end() -> None:
    capture = Capture("stdout")

    os.write(capture.fd, b"one ")
    assert capture.read() == b"one "
    os.write(capture.fd, b"two")
    assert capture.read() == b"one two"
    capture.close()
    capture.close()

    assert capture.read() == b"one two"


def test_without_wishes_input_is_empty_and_output_is_the_programs_own() -> None:
    stdio = Stdio(None, None, None, captures=False, data=None)

    assert os.path.samestat(os.fstat(stdio.fds[0]), os.stat("/dev/null"))
    assert stdio.fds[1:] == [1, 2]
    stdio.close()


def test_input_can_be_given_as_bytes() -> None:
    stdio = Stdio(None, None, None, captures=False, data=b"typed")

    assert os.read(stdio.fds[0], 10) == b"typed"
    stdio.close()


def test_files_and_descriptors_are_taken_and_the_rest_is_captured() -> None:
    with tempfile.TemporaryFile() as file:
        stdio = Stdio(file, 2, None, captures=True, data=None)

        assert stdio.fds == [file.fileno(), 2, stdio.captures[1].fd]
        stdio.close()
        assert not file.closed
    for capture in stdio.captures:
        capture.close()


def test_nothing_stays_open() -> None:
    before = os.listdir("/proc/self/fd")

    stdio = Stdio(None, None, None, captures=True, data=b"x")
    stdio.close()
    for capture in stdio.captures:
        capture.close()

    assert os.listdir("/proc/self/fd") == before
