"""Nothing of Python is ever read from a container's root: every module is planted there, poisoned, and none may run.

Each way in which create, start and exec can fail inside is driven under strace(1), some by faults that it injects.
"""

from __future__ import annotations

import os
import re
import socket
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import host
from tests.support.runtime import Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.bundle import Bundle, Json
    from tests.support.runtime import Result, Runtime

    MakeBundle = Callable[..., Bundle]
    Mutation = Callable[[Json], object]

pytestmark = [
    pytest.mark.root,
    pytest.mark.cgroup1,
    pytest.mark.skipif(os.environ.get("RUNTIME", "pyouki") != "pyouki", reason="looks for Python"),
]

POISON = "open('/poisoned', 'a').write(__name__ + '\\n')\n"
OURS = ("libcgroups", "libcontainer", "libseccomp", "liboci_cli", "pyouki")
TRACED = "open,openat,openat2,execve,execveat,clone,clone3,fork,vfork,pivot_root,chroot,setns"
_LINE = re.compile(r"^(?P<pid>\d+) +(?P<call>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_MODULE = re.compile(r'"[^"]*\.(?:py|pyc|so|so\.\d[\d.]*)"')


def _process(name: str, value: object) -> Mutation:
    return lambda config: config["process"].update({name: value})


def _linux(name: str, value: object) -> Mutation:
    return lambda config: config["linux"].update({name: value})


def _unmapped_user(config: Json) -> None:
    config["linux"]["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        config["linux"][kind] = [{"containerID": 0, "hostID": 100000, "size": 1}]
    config["process"]["user"] = {"uid": 5, "gid": 0}


def _terminal_without_devpts(config: Json) -> None:
    config["process"]["terminal"] = True
    config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] != "/dev/pts"]


def _hook(kind: str) -> Mutation:
    return lambda config: config.update(hooks={kind: [{"path": "/absent"}]})


FAILURES: dict[str, Mutation] = {
    "absent program": _process("args", ["absent"]),
    "program that is a directory": _process("args", ["/etc"]),
    "working directory that is a file": _process("cwd", "/etc/passwd"),
    "limit beyond the kernel's": _process("rlimits", [{"type": "RLIMIT_NOFILE", "soft": 1 << 40, "hard": 1 << 40}]),
    "profile without AppArmor": _process("apparmorProfile", "absent"),
    "label without SELinux": _process("selinuxLabel", "a:b:c:d"),
    "deadline that cannot be met": _process(
        "scheduler", {"policy": "SCHED_DEADLINE", "runtime": 5000, "deadline": 4000, "period": 3000}
    ),
    "setting that is refused": _linux("sysctl", {"kernel.msgmax": "nonsense"}),
    "memory node that is missing": _linux("memoryPolicy", {"mode": "MPOL_BIND", "nodes": "60"}),
    "unmapped user": _unmapped_user,
    "terminal without devpts": _terminal_without_devpts,
    "hook in the container": _hook("createContainer"),
}
FAULTS = [
    "capset",
    "setgroups",
    "setresuid",
    "setresgid",
    "close_range",
    "pivot_root",
    "sethostname",
    "fchdir",
    "getcwd",
]
EXEC_FAULTS = ["capset", "setgroups", "setresuid", "close_range", "setsid", "chdir"]


@pytest.fixture
def poisoned(make_bundle: MakeBundle) -> MakeBundle:
    """A function that makes a bundle whose root has a poisoned copy of every module the runtime could import."""
    host.require("strace")

    def make(*args: str, mutate: Mutation | None = None) -> Bundle:
        def prepare(config: Json) -> None:
            config["root"]["readonly"] = False
            if mutate is not None:
                mutate(config)

        bundle = make_bundle(*args, mutate=prepare)
        source = bundle.put("/poison", POISON)
        for module in _importable():
            place = bundle.inside(str(module))
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.link(source, place)
        return bundle

    return make


@pytest.fixture
def console_socket(work: str) -> Iterator[str]:
    """A socket for the terminal that no container here gets as far as sending."""
    path = os.path.join(work, "console")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        yield path


def test_the_poison_works(poisoned: MakeBundle, work: str) -> None:
    bundle = poisoned("true")
    trace = os.path.join(work, "trace")

    Path(trace).write_text('7 pivot_root(".", ".") = 0\n7 openat(AT_FDCWD, "/usr/lib/python3/x.py", O_RDONLY) = 3\n')

    assert len(_importable()) > 300
    assert Path(bundle.inside(os.__file__)).read_text() == POISON
    assert _modules_opened_inside(trace) == ['7 openat(AT_FDCWD, "/usr/lib/python3/x.py", O_RDONLY) = 3']


@pytest.mark.parametrize("failure", FAILURES)
def test_a_create_that_fails_imports_nothing_of_the_container(
    failure: str, runtime: Runtime, poisoned: MakeBundle, work: str, console_socket: str
) -> None:
    bundle = poisoned("true", mutate=FAILURES[failure])
    options = ("--console-socket", console_socket) if bundle.config["process"].get("terminal") else ()

    result = _traced(work, lambda caller: runtime.try_create(bundle, *options, caller=caller))

    assert result.fail().message
    _assert_untouched(bundle, work)


@pytest.mark.parametrize("call", FAULTS)
def test_a_create_whose_system_calls_fail_imports_nothing_of_the_container(
    call: str, runtime: Runtime, poisoned: MakeBundle, work: str
) -> None:
    bundle = poisoned("true")

    result = _traced(work, lambda caller: runtime.try_create(bundle, caller=caller), inject=f"{call}:error=EIO")

    assert result.fail().message
    _assert_untouched(bundle, work)


@pytest.mark.parametrize("mutate", [_process("args", ["/nonsense"]), _hook("startContainer")], ids=["program", "hook"])
def test_a_run_that_fails_imports_nothing_of_the_container(
    mutate: Mutation, runtime: Runtime, poisoned: MakeBundle, work: str
) -> None:
    bundle = poisoned("true", mutate=mutate)
    bundle.put("/nonsense", "\x01\x02", 0o755)

    result = _traced(work, lambda caller: runtime("run", "--bundle", bundle.directory, bundle.id, caller=caller))

    assert result.fail().message
    _assert_untouched(bundle, work)


@pytest.mark.parametrize(
    "options",
    [("absent",), ("--cwd", "/etc/passwd", "true"), ("/nonsense",), ("--apparmor", "absent", "true")],
    ids=["absent program", "working directory", "format", "profile"],
)
def test_an_exec_that_fails_imports_nothing_of_the_container(
    options: tuple[str, ...], runtime: Runtime, poisoned: MakeBundle, work: str
) -> None:
    bundle = poisoned("sleep", "1000")
    bundle.put("/nonsense", "\x01\x02", 0o755)
    container = runtime.start(bundle)
    flags, program = options[:-1], options[-1]

    result = _traced(work, lambda caller: runtime("exec", *flags, container.id, program, caller=caller))

    assert result.exit_with(255).message
    _assert_untouched(bundle, work)


@pytest.mark.parametrize("call", EXEC_FAULTS)
def test_an_exec_whose_system_calls_fail_imports_nothing_of_the_container(
    call: str, runtime: Runtime, poisoned: MakeBundle, work: str
) -> None:
    bundle = poisoned("sleep", "1000")
    container = runtime.start(bundle)

    result = _traced(
        work, lambda caller: runtime("exec", container.id, "true", caller=caller), inject=f"{call}:error=EIO"
    )

    assert result.fail().message
    _assert_untouched(bundle, work)


@pytest.mark.parametrize("command", ["run", "exec"])
def test_what_succeeds_imports_nothing_of_the_container(
    command: str, runtime: Runtime, poisoned: MakeBundle, work: str
) -> None:
    bundle = poisoned("sleep", "1" if command == "run" else "1000")
    run = ("run", "--bundle", bundle.directory, "other")
    arguments = run if command == "run" else ("exec", runtime.start(bundle).id, "true")

    result = _traced(work, lambda caller: runtime(*arguments, caller=caller))

    result.succeed()
    _assert_untouched(bundle, work)
    trace = Path(work, "trace").read_text()
    entered = r"pivot_root\(.* = 0$" if command == "run" else r"setns\(.*CLONE_NEWNS.* = 0$"
    assert len(re.findall(entered, trace, re.MULTILINE)) == 1


def _traced(work: str, run: Callable[[Caller], Result], inject: str | None = None) -> Result:
    faults = ("-e", f"inject={inject}") if inject else ()
    traced = TRACED if inject is None else f"{TRACED},{inject.partition(':')[0]}"
    return run(
        Caller(prefix=("strace", "-f", "-qq", "-o", os.path.join(work, "trace"), "-e", f"trace={traced}", *faults))
    )


def _assert_untouched(bundle: Bundle, work: str) -> None:
    marker = Path(bundle.inside("/poisoned"))
    assert not marker.exists(), marker.read_text()
    assert _modules_opened_inside(os.path.join(work, "trace")) == []


def _modules_opened_inside(trace: str) -> list[str]:
    """Return the lines in which a process that had entered a container, and executed nothing since, opened a module."""
    inside: set[str] = set()
    found = []
    for line in _whole_lines(Path(trace).read_text()):
        match = _LINE.match(line)
        if match is None:
            continue
        pid, call, result = match["pid"], match["call"], int(match["result"])
        if call in ("pivot_root", "chroot", "setns") and result == 0:
            inside.add(pid)
        elif call.startswith("execve") and result == 0:
            inside.discard(pid)
        elif call in ("clone", "clone3", "fork", "vfork") and result > 0 and pid in inside:
            inside.add(str(result))
        elif call.startswith("open") and pid in inside and _MODULE.search(match["arguments"]):
            found.append(line)
    return found


def _whole_lines(text: str) -> list[str]:
    """Join the two halves of calls that strace saw interrupted by other processes."""
    begun: dict[str, str] = {}
    lines = []
    for line in text.splitlines():
        pid = line.partition(" ")[0]
        if line.endswith(" <unfinished ...>"):
            begun[pid] = line.removesuffix(" <unfinished ...>")
        elif "<... " in line and pid in begun:
            lines.append(begun.pop(pid) + line.partition(" resumed>")[2])
        else:
            lines.append(line)
    return lines


def _importable() -> list[Path]:
    """Return the files that the runtime imports modules from: the standard library's, to a depth of two, and ours."""
    library = Path(sysconfig.get_path("stdlib"))
    found = [*library.glob("*.py"), *library.glob("encodings/*.py"), *library.glob("*/__init__.py")]
    site = Path(sysconfig.get_path("purelib"))
    for name in OURS:
        found += [
            site / name / path.relative_to((site / name).resolve()) for path in (site / name).resolve().rglob("*.py")
        ]
    return sorted(set(found))
