"""The errors as data: what crosses a process border is what arrives."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import errors
from libcontainer.errors import LibcontainerError, SpecError, SyscallError, TimeoutExpiredError
from libcontainer.oci import json_text


def _kinds(kind: type[LibcontainerError] = LibcontainerError) -> list[type[LibcontainerError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _kinds(child))]


@pytest.mark.parametrize("kind", [kind for kind in _kinds() if kind is not SpecError])
def test_every_error_arrives_as_what_it_was(kind: type[LibcontainerError]) -> None:
    error = kind("mount proc", errno.EPERM, step="mount", property="mounts[0]", syscall="mount", object="/x", hint="h")
    error.add_note("and then")

    arrived = errors.from_dict(json_text.loads(json_text.dumps(error.to_dict())))  # type: ignore[arg-type]  # a dict

    assert type(arrived) is kind
    assert str(arrived) == "mount proc: operation not permitted"
    assert arrived.to_dict() == error.to_dict()
    assert arrived.__notes__ == ["and then"]


def test_every_code_is_of_one_error() -> None:
    codes = [kind.code for kind in _kinds()]

    assert sorted(codes) == sorted(set(codes))


@given(st.lists(st.text(min_size=1), max_size=4))
def test_all_faults_of_a_configuration_arrive(faults: list[str]) -> None:
    error = SpecError("process.cwd", "expected a string, got 7", errors=tuple(faults))

    arrived = errors.from_dict(error.to_dict())

    assert isinstance(arrived, SpecError)
    assert str(arrived) == "process.cwd: expected a string, got 7"
    assert arrived.property == "process.cwd"
    assert len(arrived.errors) == max(len(faults), 1)


@pytest.mark.parametrize("details", [{"message": "x"}, {"message": "x", "code": "of the future", "errno": "no"}])
def test_what_is_not_known_is_the_common_error(details: dict[str, object]) -> None:
    arrived = errors.from_dict(details)

    assert (type(arrived), str(arrived), arrived.errno) == (LibcontainerError, "x", None)


def test_an_error_of_the_kernel_names_the_call_and_the_file() -> None:
    refused = PermissionError(errno.EPERM, "ignored", b"/x\xff")
    refused.syscall = "mount"  # type: ignore[attr-defined]  # as the seam does it

    error = errors.syscall_error(refused, "mount proc", step="mount")

    assert isinstance(error, SyscallError)
    assert (str(error), error.syscall, error.object) == ("mount proc: operation not permitted", "mount", "/x\udcff")


def test_a_timeout_is_one_of_python_too() -> None:
    error = TimeoutExpiredError("process 7 has not ended within 1 s", object="7")

    assert isinstance(error, TimeoutError)
    assert (str(error), error.errno, error.object) == ("process 7 has not ended within 1 s", None, "7")
