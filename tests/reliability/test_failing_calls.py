"""A system call of ``create`` that fails: either an error that leaves nothing, or a container like any other.

What must not happen is success with a protection missing (fail open), or an error with leftovers.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Container

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.reliability.conftest import Killat, Struck
    from tests.support.bundle import Bundle
    from tests.support.guard import Guard
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_POINTS = os.environ.get("PYOUKI_POINTS", "20")
_PARTS = 700 if _POINTS == "all" else int(_POINTS)
_ERRORS = [errno.EIO, errno.EPERM, errno.ENOMEM]
_FINGERPRINT = """
grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Umask|Uid|Gid|SigBlk|SigIgn)' /proc/self/status
awk '{ line = $5 " " $6; for (i = 7; i <= NF; i++) if ($i == "-") line = line " " $(i + 1); print line }' \
    /proc/self/mountinfo
ls -l /dev | awk '{ print $1, $3, $4, $NF }'
ls /proc/self/fd
cat /proc/self/limits /proc/self/oom_score_adj /proc/sys/kernel/hostname
cut -d: -f2 /proc/self/cgroup
pwd; env | sort; id
probe keyring | cut -d';' -f5
"""
_baselines: dict[str, str] = {}


@pytest.mark.parametrize("part", range(_PARTS))
def test_create(runtime: Runtime, make_bundle: MakeBundle, guard: Guard, killat: Killat, part: int) -> None:
    bundle = make_bundle("sh", "-c", _FINGERPRINT)
    expected = _baseline(runtime, bundle)
    command = ("create", "--bundle", bundle.directory, bundle.id)
    count = killat.count("create of a fingerprint", lambda: _undone(runtime, bundle, killat(runtime, *command, at=0)))
    if part >= count:
        pytest.skip("there are fewer points")

    # One more than evenly spread points, so that the first is not always the launcher's own start.
    struck = killat(runtime, *command, at=2 + part * count // min(_PARTS, count), error=_ERRORS[part % len(_ERRORS)])

    if struck.result.returncode == 0:
        container = Container(runtime, bundle, struck.result)
        container.start()
        container.wait()
        assert container.output() == expected
        container.delete().succeed()
    guard.check()


def _baseline(runtime: Runtime, bundle: Bundle) -> str:
    """Return what an undisturbed container prints."""
    if runtime.path not in _baselines:
        container = runtime.create(bundle)
        container.start()
        container.wait()
        _baselines[runtime.path] = container.output()
        container.delete().succeed()
    return _baselines[runtime.path]


def _undone(runtime: Runtime, bundle: Bundle, struck: Struck) -> Struck:
    runtime("delete", "--force", bundle.id).succeed()
    return struck
