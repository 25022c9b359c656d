"""Run one command of pyouki and note every function of ours that it calls: ``observe.py PACKAGES CALLS ARG…``.

The processes that the command forks note theirs in the same file, until they close it with all other descriptors.
"""

# Nothing is imported here that the command does not import first itself, not even __future__.
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType

packages, calls, *arguments = sys.argv[1:]
sys.path.append(packages)
descriptor = posix.open(calls, posix.O_WRONLY | posix.O_CREAT | posix.O_APPEND | posix.O_CLOEXEC, 0o600)
# Out of the way of those that a test passes on.
high = posix.dup2(descriptor, 900, inheritable=False)
posix.close(descriptor)
seen: "set[CodeType]" = set()


def note(frame: "FrameType", event: str, _: object) -> None:
    code = frame.f_code
    if event == "call" and code not in seen and code.co_filename.startswith(packages):
        seen.add(code)
        try:
            posix.write(high, f"{code.co_filename[len(packages) + 1 :]} {code.co_qualname}\n".encode())
        except OSError:
            sys.setprofile(None)


sys.setprofile(note)
import pyouki.lean_os  # noqa: E402, F401 - as __main__ does; what importing calls is noted as well
from pyouki.main import run  # noqa: E402

status = run(arguments)
sys.setprofile(None)
sys.stdout.flush()
posix._exit(status)
