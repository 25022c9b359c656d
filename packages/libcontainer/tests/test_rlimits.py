from __future__ import annotations

import errno
import resource

import pytest

from libcontainer import rlimits
from libcontainer.errors import SyscallError
from libcontainer.oci.spec import Rlimit
from libcontainer.syscall.linux import LinuxSyscall
from libcontainer.testing.recording import RecordingSyscall


def test_limits_are_set_in_order() -> None:
    kernel = RecordingSyscall()

    rlimits.set_all(kernel, [Rlimit("RLIMIT_NOFILE", 10, 20), Rlimit("RLIMIT_LOCKS", 1, rlimits.INFINITY)])

    assert kernel.calls == [("setrlimit", 7, 10, 20), ("setrlimit", 10, 1, rlimits.INFINITY)]


def test_refused_raise_names_the_missing_capability() -> None:
    kernel = RecordingSyscall(failures={"setrlimit": errno.EPERM})

    with pytest.raises(SyscallError) as caught:
        rlimits.set_all(kernel, [Rlimit("RLIMIT_CORE", 0, 1 << 40)])

    error = caught.value
    assert str(error) == f"set RLIMIT_CORE to 0 (hard limit {1 << 40}): operation not permitted"
    assert error.property == "process.rlimits[0]"
    assert error.hint == "raising the hard limit above 4096 needs CAP_SYS_RESOURCE"


@pytest.mark.parametrize("name", [name for name in rlimits.NUMBERS if hasattr(resource, name)])
def test_numbers_are_those_of_this_machine(name: str) -> None:
    assert rlimits.NUMBERS[name] == getattr(resource, name)
    assert LinuxSyscall().hard_limit(rlimits.NUMBERS[name]) == resource.getrlimit(rlimits.NUMBERS[name])[1] % (1 << 64)


def test_soft_limit_above_the_hard_one_is_explained() -> None:
    kernel = RecordingSyscall(failures={"setrlimit": errno.EINVAL})

    with pytest.raises(SyscallError) as caught:
        rlimits.set_all(kernel, [Rlimit("RLIMIT_NOFILE", rlimits.INFINITY, 5)])

    assert str(caught.value) == "set RLIMIT_NOFILE to unlimited (hard limit 5): invalid argument"
    assert caught.value.hint == "the soft limit must not be above the hard limit"
