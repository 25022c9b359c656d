"""Run one command of pyouki and note every function of ours that it calls: ``observe.py PACKAGES CALLS ARG…``.

The processes that the command clones note theirs in the same file, until they close it with all other descriptors;
what one that shares our memory calls after that is written by us.
"""

# Nothing is imported here that the command does not import first itself, not even __future__.
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

packages, calls, *arguments = sys.argv[1:]
sys.path.append(packages)
descriptor = posix.open(calls, posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND | posix.O_CLOEXEC, 0o600)
# Out of the way of those that a test passes on.
high = posix.dup2(descriptor, 900, inheritable=False)
posix.close(descriptor)
seen: "set[CodeType]" = set()
unwritten: "list[bytes]" = []


def note(frame: "FrameType", event: str, _: object) -> None:
    code = frame.f_code
    if event == "call" and code not in seen and code.co_filename.startswith(packages):
        if code.co_qualname == "spawn":
            observe_children()
        seen.add(code)
        line = f"{code.co_filename[len(packages) + 1 :]} {code.co_qualname}\n".encode()
        try:
            posix.write(high, line)
        except OSError:
            unwritten.append(line)


def observe_children() -> None:
    """Have children that share our memory observed, too: their thread is another one."""
    kernel = sys.modules["libcontainer.syscall.linux"].LinuxSyscall
    spawn = kernel.spawn

    def observed_spawn(self: object, run: "Callable[[int], object]", *arguments: object, **named: object) -> object:
        def observed_run(pid: int) -> None:
            sys.setprofile(note)
            run(pid)

        return spawn(self, observed_run, *arguments, **named)

    kernel.spawn = observed_spawn


sys.setprofile(note)
import pyouki.lean_os  # noqa: E402, F401 - as __main__ does; what importing calls is noted as well
from pyouki.main import run  # noqa: E402

status = run(arguments)
sys.setprofile(None)
sys.stdout.flush()
posix.write(high, b"".join(unwritten))
posix._exit(status)
