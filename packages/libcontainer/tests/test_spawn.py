"""A child that runs in its parent's memory: what is shared and what is not, and how it may end."""

from __future__ import annotations

import subprocess
import sys

import pytest

PRELUDE = """
import errno, os, sys
from libcontainer import log, seal
from libcontainer.process import child
from libcontainer.syscall.linux import LinuxSyscall

syscall = LinuxSyscall()
dead = os.environ.pop("LIBCONTAINER_DEAD_CHILD", None)
successor = sys.orig_argv
seen = []

def ended():
    return [os.waitstatus_to_exitcode(status) for _, status in [os.waitpid(pid, 0)]]

"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="clone3(2)")


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter of its own: children are cloned by processes with one thread."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == ""
    return done


@pytest.fixture(autouse=True)
def _shares_memory() -> None:
    from libcontainer import _kernel

    if not _kernel.CAN_SHARE_MEMORY:
        pytest.skip("this processor or interpreter cannot: children get memory of their own")


def test_objects_are_shared_and_descriptors_directory_and_ids_are_not() -> None:
    done = run("""
reading, writing = os.pipe()
here = os.getcwd()

def work(pid):
    seen.append([os.getpid(), pid, "".join(str(number) for number in range(10))])
    os.chdir("/")
    os.close(reading)
    raise ValueError("nobody hears of it")

pid, pidfd = syscall.spawn(work, 0, successor=successor)
print(seen == [[pid, pid, "0123456789"]], ended(), os.getcwd() == here, os.get_blocking(reading), pidfd >= 0)
""")

    assert done.stdout == "True [1] True True True\n"


def test_main_waits_until_the_child_has_executed_a_program() -> None:
    done = run("""
def work(pid):
    seen.append("before")
    syscall.execve("/bin/sh", ["sh", "-c", "echo $WORD; exit 7"], {"WORD": "within"})

pid, _ = syscall.spawn(work, 0, successor=successor)
print(seen, ended())
""")

    assert done.stdout == "within\n['before'] [7]\n"


def test_program_that_cannot_be_executed_leaves_the_child_to_say_so() -> None:
    done = run("""
def work(pid):
    try:
        syscall.execve("/nowhere", ["nowhere"], {})
    except OSError as error:
        seen.append((error.errno == errno.ENOENT, error.filename))

pid, _ = syscall.spawn(work, 0, successor=successor)
print(seen, ended())
""")

    assert done.stdout == "[(True, '/nowhere')] [1]\n"


def test_many_children_one_after_the_other() -> None:
    done = run("""
def work(pid):
    seen.append(len(seen))
    bytearray(1 << 20)

for _ in range(50):
    pid, pidfd = syscall.spawn(work, 0, successor=successor)
    os.waitpid(pid, 0)
    os.close(pidfd)
print(seen == list(range(50)), len(os.listdir("/proc/self/fd")))
""")

    assert done.stdout == "True 4\n"


@pytest.mark.parametrize("signal", [9, 11])
def test_memory_of_a_child_that_was_killed_is_not_used_any_more(signal: int) -> None:
    done = run(f"""
if dead:
    pid = int(dead)
    print(seen, ended())
    sys.exit()

def work(pid):
    seen.append("half done")
    os.kill(os.getpid(), {signal})

syscall.spawn(work, 0, successor=successor)
print("not reached")
""")

    assert done.stdout == f"[] [-{signal}]\n"


def test_refusal_of_the_kernel_is_raised_by_main() -> None:
    done = run("""
try:
    syscall.spawn(lambda _: seen.append(1), 0, cgroup_fd=os.open("/", os.O_PATH), successor=successor)
except OSError as error:
    print(error.errno == errno.EBADF, seen)
""")

    assert done.stdout == "True []\n"


def test_dumpable_is_as_it_was() -> None:
    done = run("""
pid, _ = syscall.spawn(lambda _: syscall.prctl(4, 0), 0, successor=successor)
print(ended(), syscall.prctl(3))
""")

    assert done.stdout == "[1] 1\n"


@pytest.mark.parametrize("successor", ["successor", "()"], ids=["shared memory", "own memory"])
def test_seal_and_sink_of_a_child_do_not_last(successor: str) -> None:
    done = run(f"""
told = []
log.set_sink(lambda level, text: told.append(text), log.WARNING)

def work(pid):
    log.set_sink(None)
    seal.seal()

pid, _ = child.spawn(syscall, work, 0, None, {successor})
import colorsys
log.warning("heard")
print(ended(), told, sys.path != [], colorsys.__name__)
""")

    assert done.stdout == "[1] ['heard'] True colorsys\n"
