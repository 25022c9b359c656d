"""The report about the host: what is probed, and that whatever is missing has its remedy."""

from __future__ import annotations

import errno

import pytest

from libcontainer.namespaces import CLONE_FLAGS
from libcontainer.testing.recording import RecordingSyscall
from pyouki import info

HOLDS_ALL = {"capget": 0}


def rows(kernel: RecordingSyscall) -> dict[str, info.Row]:
    return {row.name.strip(): row for row in info.report(kernel)}


def test_every_namespace_is_tried() -> None:
    report = rows(RecordingSyscall())

    assert {kind: report[kind].value for kind in CLONE_FLAGS} == dict.fromkeys(CLONE_FLAGS, "enabled")


def test_limit_of_namespaces_comes_with_the_sysctl_that_raises_it() -> None:
    report = rows(RecordingSyscall(failures={"unshare": errno.ENOSPC}))

    assert report["mount"] == info.Row(
        "  mount", "refused: no space left on device", "raise sysctl user.max_mnt_namespaces"
    )


@pytest.mark.parametrize("name", ["Version", "Kernel-Release", "Architecture", "Cores", "Total Memory", "Cgroup setup"])
def test_report_says(name: str) -> None:
    assert rows(RecordingSyscall())[name].value
