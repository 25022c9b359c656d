"""The last steps before the program: which calls, in which order, and what their failures say."""

from __future__ import annotations

import errno
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from libcontainer import capabilities
from libcontainer.errors import LibcontainerError, SpecError, SyscallError
from libcontainer.oci.spec import Process, User
from libcontainer.process import steps
from libcontainer.testing.recording import RecordingSyscall

if TYPE_CHECKING:
    from libcontainer.capabilities import CapabilityMasks


def _masks() -> CapabilityMasks:
    return capabilities.masks(None, 2, capabilities.ALL)[0]


def _never(_: int) -> None:
    raise AssertionError("there is no listener")


def test_groups_are_set_before_the_group_and_the_group_before_the_user() -> None:
    kernel = RecordingSyscall()

    steps.set_ids(kernel, Process(cwd="/", user=User(uid=5, gid=6, additional_gids=(7, 8))))

    assert kernel.names() == ["setgroups", "setresgid", "setresuid"]


def test_capabilities_are_kept_over_the_change_of_ids_and_dropped_after_it() -> None:
    kernel = RecordingSyscall()

    steps.become(kernel, Process(cwd="/", user=User(uid=5, gid=6)), _masks(), 2, None, _never)

    names = kernel.names()
    assert names.index("setresuid") < names.index("capset")
    assert names[-1] in ("capset", "prctl")


@pytest.mark.parametrize(("call", "kind"), [("setresuid", "uid"), ("setresgid", "gid")])
def test_an_id_that_is_not_mapped_says_so(call: str, kind: str) -> None:
    kernel = RecordingSyscall(failures={call: errno.EINVAL})

    with pytest.raises(SyscallError, match=rf"^become {kind} 5: invalid argument$") as caught:
        steps.set_ids(kernel, Process(cwd="/", user=User(uid=5, gid=5)))

    assert caught.value.property == f"process.user.{kind}"
    assert caught.value.hint == f"{kind} 5 is not mapped in linux.{kind}Mappings"


def test_groups_that_nobody_asked_for_may_be_refused() -> None:
    kernel = RecordingSyscall(failures={"setgroups": errno.EPERM})

    steps.set_ids(kernel, Process(cwd="/"))

    assert kernel.names()[-1] == "setresuid"


def test_groups_that_somebody_asked_for_may_not() -> None:
    kernel = RecordingSyscall(failures={"setgroups": errno.EPERM})

    with pytest.raises(SyscallError, match=r"^set the additional groups \[7\]: operation not permitted$"):
        steps.set_ids(kernel, Process(cwd="/", user=User(additional_gids=(7,))))


def test_a_working_directory_is_forgiven_once() -> None:
    kernel = RecordingSyscall(failures={"chdir": errno.EACCES})

    steps.enter_cwd(kernel, "/secret", is_last=False)
    with pytest.raises(
        SyscallError, match=r"^chdir to cwd \('/secret'\) set in config.json failed: permission denied$"
    ):
        steps.enter_cwd(kernel, "/secret", is_last=True)


def test_the_score_of_a_process_is_set() -> None:
    with subprocess.Popen(["sleep", "1000"]) as child:
        steps.set_oom_score(child.pid, 500, is_rootless=False)
        with open(f"/proc/{child.pid}/oom_score_adj", encoding="ascii") as file:
            score = file.read()
        child.kill()

    assert score == "500\n"


def test_the_score_of_a_process_that_is_gone_is_an_error() -> None:
    with pytest.raises(SyscallError, match=r"^set oom_score_adj to 5: no such file or directory$"):
        steps.set_oom_score(2**22 + 1, 5, is_rootless=True)


def test_an_error_of_ours_crosses_as_it_is() -> None:
    error = SpecError("process.cwd", "no")

    assert steps.unexpected(error, "cwd") is error


def test_an_error_of_the_kernel_gets_the_step_and_the_file() -> None:
    error = steps.unexpected(OSError(errno.EACCES, os.strerror(errno.EACCES), "/x"), "mount")

    assert isinstance(error, SyscallError)
    assert (str(error), error.object) == ("mount /x: permission denied", "/x")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("odd"), "mount: ValueError: odd"),
        (FileNotFoundError("/etc/x"), "mount: FileNotFoundError: /etc/x"),
        (KeyboardInterrupt(), "mount: KeyboardInterrupt: "),
    ],
)
def test_any_other_error_is_told_with_its_kind(error: BaseException, text: str) -> None:
    translated = steps.unexpected(error, "mount")

    assert type(translated) is LibcontainerError
    assert (str(translated), translated.step) == (text, "mount")
