from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from libcontainer import hooks
from libcontainer.errors import HookError
from libcontainer.oci.spec import Hook
from libcontainer.syscall.linux import LinuxSyscall

if TYPE_CHECKING:
    from pathlib import Path

STATE = b'{"id":"c1"}'
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "INHERITED": "yes"}


def run(*given: Hook, state: bytes = STATE, cwd: str = "/") -> None:
    hooks.run(LinuxSyscall(), given, state, kind="createRuntime", cwd=cwd, environment=ENVIRONMENT)


def shell(script: str, *, timeout: int | None = None, env: list[str] | None = None) -> Hook:
    return Hook("/bin/sh", ["sh", "-c", script], env, timeout)


def failure(*given: Hook, state: bytes = STATE) -> HookError:
    with pytest.raises(HookError) as caught:
        run(*given, state=state)
    return caught.value


def test_hooks_run_in_order_with_the_state_on_standard_input(tmp_path: Path) -> None:
    run(shell("echo one; cat >one"), shell("cat one >two; pwd >>two"), cwd=str(tmp_path))

    assert (tmp_path / "one").read_bytes() == STATE
    assert (tmp_path / "two").read_text() == f"{STATE.decode()}{tmp_path}\n"


def test_hook_without_env_inherits_and_one_with_env_does_not(tmp_path: Path) -> None:
    run(
        shell("env >one"),
        shell("/usr/bin/env >two", env=["A=1", "B=x=y"]),
        shell("env >three", env=[]),
        cwd=str(tmp_path),
    )

    names = [
        {line.split("=")[0] for line in (tmp_path / name).read_text().splitlines()} - {"PWD", "_", "SHLVL", "OLDPWD"}
        for name in ("one", "two")
    ]
    assert names == [{"PATH", "INHERITED"}, {"A", "B"}]


def test_failing_hook_is_told_with_its_output_and_ends_the_sequence(tmp_path: Path) -> None:
    error = failure(shell("true"), shell("echo out; echo err >&2; exit 4"), shell(f"touch {tmp_path}/ran"))

    assert str(error) == "error running hook #1: error running hook: exit status 4, stdout: out\n, stderr: err\n"
    assert (error.step, error.property, error.object) == (
        "hook createRuntime",
        "hooks.createRuntime[1]",
        "/bin/sh",
    )
    assert not (tmp_path / "ran").exists()


def test_killed_hook_is_told_with_the_signal() -> None:
    assert (
        str(failure(shell("kill -9 $$")))
        == "error running hook #0: error running hook: signal: killed, stdout: , stderr: "
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/nope", "no such file or directory"), ("/etc/passwd", "permission denied"), ("/", "permission denied")],
)
def test_hook_that_cannot_be_executed_is_told(path: str, reason: str) -> None:
    assert str(failure(Hook(path))) == f"error running hook #0: fork/exec {path}: {reason}"


def test_missing_working_directory_is_told() -> None:
    with pytest.raises(HookError, match=r"no such file or directory$"):
        run(shell("true"), cwd="/no/such/directory")


def test_hook_past_its_timeout_is_killed_with_its_group(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    started = time.monotonic()

    error = failure(shell(f"sleep 60 & echo $! >{pid_file}; sleep 60", timeout=1))

    assert str(error) == "error running hook #0: hook ran past specified timeout of 1.0s"
    assert 1 <= time.monotonic() - started < 5
    assert is_gone(int(pid_file.read_text()))


def test_background_child_that_holds_the_output_delays_nobody(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    started = time.monotonic()

    run(shell(f"sleep 60 & echo $! >{pid_file}; exit 0", timeout=30))

    assert time.monotonic() - started < 5
    os.kill(int(pid_file.read_text()), 9)


def test_background_child_that_writes_for_ever_delays_nobody(tmp_path: Path) -> None:
    started = time.monotonic()

    run(shell("yes & exit 0", timeout=30))

    assert time.monotonic() - started < 5


def test_hook_that_does_not_read_a_large_state_is_no_fault() -> None:
    run(shell("exit 0"), shell("exec <&-; sleep 0.2"), state=b"x" * 1_000_000)


def test_large_state_arrives_whole_while_much_is_written(tmp_path: Path) -> None:
    run(shell(f"head -c 300000 /dev/zero; cat >{tmp_path}/state"), state=b"x" * 1_000_000)

    assert (tmp_path / "state").stat().st_size == 1_000_000


def test_only_the_end_of_a_long_output_is_kept() -> None:
    error = failure(shell("head -c 100000 /dev/zero; echo the end; exit 1"))

    assert str(error).endswith("the end\n, stderr: ")
    assert len(str(error)) < hooks.OUTPUT_LIMIT + 200


def test_hook_gets_three_descriptors_and_no_signal_of_ours(tmp_path: Path) -> None:
    leaked = os.open("/", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    try:
        run(
            shell(f"exec >{tmp_path}/fds; ls /proc/$$/fd"),
            shell(f"exec grep Sig[BI] /proc/self/status >{tmp_path}/signals"),
        )
    finally:
        os.close(leaked)

    assert (tmp_path / "fds").read_text().split() == ["0", "1", "2"]
    assert {int(line.split()[1], 16) for line in (tmp_path / "signals").read_text().splitlines()} == {0}


def test_output_is_also_appended_to_the_files_that_annotations_name(tmp_path: Path) -> None:
    names = {f"run.oci.hooks.{name}": str(tmp_path / name) for name in ("stdout", "stderr")}
    (tmp_path / "stdout").write_text("before\n")

    copies = hooks.open_copies(names)
    hooks.run(
        LinuxSyscall(), [shell("echo out; echo err >&2")], b"{}", kind="test", cwd="/", environment={}, copies=copies
    )
    hooks.close_copies(copies)

    assert ((tmp_path / "stdout").read_text(), (tmp_path / "stderr").read_text()) == ("before\nout\n", "err\n")


@pytest.mark.parametrize("annotations", [{}, {"org.example.a": "b"}], ids=["none", "others"])
def test_no_file_is_opened_unless_an_annotation_names_one(annotations: dict[str, str]) -> None:
    assert hooks.open_copies(annotations) == hooks.NO_COPIES


def test_file_for_the_output_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    names = {"run.oci.hooks.stdout": str(tmp_path / "ok"), "run.oci.hooks.stderr": "/no/such/file"}

    with pytest.raises(HookError, match=r"^open /no/such/file for the output of hooks: no such file or directory$"):
        hooks.open_copies(names)


def test_nothing_is_left_open() -> None:
    before = os.listdir("/proc/self/fd")

    run(shell("true"))
    failure(Hook("/nope"))
    failure(shell("exit 1"))
    failure(shell("sleep 9", timeout=1))

    assert os.listdir("/proc/self/fd") == before


def test_hook_runs_when_the_caller_has_no_standard_descriptors(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            os.closerange(0, 3)
            run(shell(f"cat >{tmp_path}/state; echo >&2"))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)

    assert (tmp_path / "state").read_bytes() == STATE


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, waiting a little; a zombie that its parent has not reaped has ended too."""
    for _ in range(100):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_hooks_work_after_the_import_system_was_cut_off(tmp_path: Path) -> None:
    def sealed() -> None:
        sys.meta_path.clear()
        sys.path.clear()
        sys.path_importer_cache.clear()
        told = [str(failure(hook)) for hook in (shell("echo x; exit 3"), shell("sleep 9", timeout=1), Hook("/nope"))]
        run(shell("true"))
        with open(tmp_path / "told", "w", encoding="utf-8") as file:
            file.write("\n".join(told))

    pid = os.fork()
    if pid == 0:
        try:
            sealed()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)

    assert (tmp_path / "told").read_text().split("error running hook #0: ")[1:] == [
        "error running hook: exit status 3, stdout: x\n, stderr: \n",
        "hook ran past specified timeout of 1.0s\n",
        "fork/exec /nope: no such file or directory",
    ]
