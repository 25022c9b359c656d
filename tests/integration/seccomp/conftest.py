"""One raw system call in a child under a filter."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from libcontainer import seccomp
from libcontainer.syscall.linux import LinuxSyscall

if TYPE_CHECKING:
    from collections.abc import Callable

    from libcontainer.seccomp import Program

    RawSyscall = Callable[..., int]

_SOURCE = Path(__file__).parent / "raw_syscall.c"
_PR_SET_NO_NEW_PRIVS = 38


@pytest.fixture(scope="session")
def raw_syscall_program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The compiled raw_syscall.c: static, so that it needs few calls to start."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    target = str(tmp_path_factory.mktemp("seccomp") / "raw_syscall")
    subprocess.run(["cc", "-static", "-O1", "-Wall", "-Werror", "-o", target, _SOURCE], check=True)
    return target


@pytest.fixture
def raw_syscall(raw_syscall_program: str) -> RawSyscall:
    """A function: load a program, execute raw_syscall, return what the call returned; a signal as 1000 and more."""

    def run(program: Program, abi: str, number: int, *arguments: int) -> int:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.dup2(writer, 1)
                kernel = LinuxSyscall()
                kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
                seccomp.initialize_seccomp(kernel, program)
                os.execv(raw_syscall_program, ["raw_syscall", abi, *map(str, (number, *arguments))])
            finally:
                os._exit(99)
        os.close(writer)
        with open(reader) as output:
            text = output.read()
        status = os.waitpid(pid, 0)[1]
        if os.WIFSIGNALED(status):
            return 1000 + os.WTERMSIG(status)
        assert os.waitstatus_to_exitcode(status) == 0
        return int(text)

    return run
