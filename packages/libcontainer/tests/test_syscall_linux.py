"""The real system calls, as far as they can be tried without privileges."""

from __future__ import annotations

import os
import signal

from libcontainer.syscall.linux import LinuxSyscall


def test_default_signals_are_neither_ignored_nor_blocked() -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGRTMIN + 2):
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, lambda *_: None)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
            LinuxSyscall().default_signals()
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
