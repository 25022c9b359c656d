from __future__ import annotations

import errno
import os
import shutil
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libcontainer import executable
from libcontainer.syscall.linux import LinuxSyscall

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AARCH64 = 183


class Rootfs:
    """A directory that stands for a container's root."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_PATH | os.O_DIRECTORY)

    def put(self, name: str, content: bytes, mode: int = 0o755) -> None:
        file = self.path / name.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)

    def hint(self, name: str, number: int, cwd: str = "/") -> str | None:
        return executable.explain(LinuxSyscall(), self.fd, name, number, cwd).hint


@pytest.fixture
def rootfs(tmp_path: Path) -> Iterator[Rootfs]:
    made = Rootfs(tmp_path)
    yield made
    os.close(made.fd)


def elf(machine: int, loader: bytes | None) -> bytes:
    """Return the start of a 64-bit little-endian ELF program with at most one program header."""
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1, 0, 64, 0, 0, 64, 56, 1 if loader else 0, 64, 0, 0
    )
    if loader is None:
        return header
    return header + struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(loader) + 1, len(loader) + 1, 1) + loader + b"\0"


def own_machine() -> int:
    with open("/proc/self/exe", "rb") as program:
        number: int = struct.unpack_from("<H", program.read(20), 18)[0]
        return number


@pytest.mark.parametrize(
    ("content", "number", "hint"),
    [
        pytest.param(
            b"#!/usr/bin/nosuch -x\n", errno.ENOENT,
            "the interpreter of script /f, /usr/bin/nosuch, is not in the container", id="missing interpreter",
        ),
        pytest.param(
            b"#!/bin/sh\r\necho\r\n", errno.ENOENT,
            "the #! line of /f ends with a carriage return: save the script with Unix line ends", id="crlf",
        ),
        pytest.param(b"#! \n", errno.ENOEXEC, "the #! line of /f names no interpreter", id="empty shebang"),
        pytest.param(
            b"echo\n", errno.ENOEXEC, "/f is neither an ELF program nor a script with a #! line", id="no shebang"
        ),
        pytest.param(b"", errno.ENOEXEC, "/f is empty", id="empty"),
        pytest.param(
            b"#!/loop\n", errno.ENOEXEC,
            "the interpreter of script /f: the interpreter of script /loop: the interpreter of script /loop: the "
            "interpreter of script /loop: the interpreter of script /loop: the interpreters of /loop are scripts in "
            "turn, too many times",
            id="endless",
        ),
        pytest.param(
            b"#!/bin/dynamic\n", errno.ENOENT,
            "the interpreter of script /f: /bin/dynamic is dynamically linked, and its loader "
            "/lib64/ld-nosuch.so is not in the container",
            id="interpreter without its loader",
        ),
    ],
)  # fmt: skip
def test_program_that_cannot_be_loaded_is_explained(content: bytes, number: int, hint: str, rootfs: Rootfs) -> None:
    rootfs.put("f", content)
    rootfs.put("loop", b"#!/loop\n")
    rootfs.put("bin/sh", b"")
    rootfs.put("bin/dynamic", elf(own_machine(), b"/lib64/ld-nosuch.so"))

    assert rootfs.hint("/f", number) == hint


def test_program_of_another_machine_is_explained(rootfs: Rootfs) -> None:
    rootfs.put("f", elf(AARCH64, None))

    assert rootfs.hint("/f", errno.ENOEXEC) == f"/f is built for AArch64, this machine is {os.uname().machine}"


def test_damaged_program_is_explained(rootfs: Rootfs) -> None:
    rootfs.put("f", b"\x7fELF")

    assert (rootfs.hint("/f", errno.ENOEXEC) or "").startswith("/f is a damaged ELF program: ")


def test_real_dynamic_program_without_its_loader_is_explained(rootfs: Rootfs) -> None:
    rootfs.put("bin/env", b"")
    shutil.copy("/usr/bin/env", rootfs.path / "bin/env")

    assert (rootfs.hint("/bin/env", errno.ENOENT) or "").startswith(
        "/bin/env is dynamically linked, and its loader /lib"
    )


def test_what_is_no_file_is_explained(rootfs: Rootfs) -> None:
    (rootfs.path / "d").mkdir()
    os.mkfifo(rootfs.path / "fifo")
    rootfs.put("data", b"", 0o644)
    rootfs.put("private", b"", 0o700)

    assert [rootfs.hint(f"/{name}", errno.EACCES) for name in ("d", "fifo", "data", "private", "nope")] == [
        "/d is a directory",
        "/fifo is not a regular file",
        "/data has no execute permission, see chmod(1)",
        "the user of the process may not execute /private (mode 0700), or its interpreter",
        "/nope is not in the container",
    ]


def test_links_are_followed_inside_the_container_only(rootfs: Rootfs) -> None:
    (rootfs.path / "link").symlink_to("/bin/sh")

    assert rootfs.hint("/link", errno.ENOENT) == "/link is not in the container"


def test_relative_program_starts_at_the_working_directory(rootfs: Rootfs) -> None:
    rootfs.put("work/f", b"x")

    assert rootfs.hint("./f", errno.ENOEXEC, "/work") == (
        "/work/./f is neither an ELF program nor a script with a #! line"
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "exec /f: no such file or directory"),
        (errno.ENOEXEC, "exec /f: exec format error"),
        (errno.EACCES, "exec /f: permission denied"),
    ],
)
def test_message_has_the_words_that_clients_look_for(number: int, words: str, rootfs: Rootfs) -> None:
    assert str(executable.explain(LinuxSyscall(), rootfs.fd, "/f", number)) == words


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    start=st.sampled_from([b"", b"#!", b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x02\x01"]), rest=st.binary(max_size=200)
)
def test_no_content_makes_it_crash(start: bytes, rest: bytes, rootfs: Rootfs) -> None:
    rootfs.put("f", start + rest)

    rootfs.hint("/f", errno.ENOEXEC)
