"""What the hot commands load and call on cgroup v2, by either driver, for a container as engines make it.

``tests/architecture/hot_path_on_v2`` holds what was seen, for the bundle. To write it anew::

    python -m tests.vm.run --env WRITE_HOT_PATH=1 --out tests/architecture/hot_path_on_v2 -- tests/vm/in_guest.sh \
        python -m pytest -q -p no:cacheprovider --confcutdir=tests/vm/guest tests/vm/guest/test_guest_hot_path.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pyouki
from pyouki import write_bundle
from tests.support import observed
from tests.support import runtime as runtimes
from tests.support.runtime import eventually
from tests.vm.guest.containers import GuestRuntime

if TYPE_CHECKING:
    from tests.vm.guest.conftest import MakeBundle

SEEN = Path(runtimes.REPOSITORY, "tests", "architecture", "hot_path_on_v2")

pytestmark = pytest.mark.root


@pytest.mark.skipif(os.environ.get("RUNTIME", "pyouki") != "pyouki", reason="looks into pyouki")
def test_what_the_bundle_holds_is_what_is_loaded(runtime: GuestRuntime, make_bundle: MakeBundle) -> None:
    script, calls = Path(runtime.work, "observed"), Path(runtime.work, "calls")
    observed.write_script(script, Path(sys.executable), Path(pyouki.__file__).parent.parent, calls)
    watched = GuestRuntime(str(script), runtime.work, runtime.driver)
    # With the first container its filter is compiled.
    runtime.create(make_bundle(mutate=observed.as_engines_do)).delete("--force").succeed()
    bundle = make_bundle(mutate=observed.as_engines_do)
    name = bundle.id
    text, loaded = "", {}

    for command, arguments in {
        "create": ("--bundle", bundle.directory, name),
        "start": (name,),
        "state": (name,),
        "exec": (name, "true"),
        "kill": (name, "KILL"),
        "delete": (name,),
    }.items():
        if command == "delete":
            eventually(lambda: '"stopped"' in runtime("state", name).stdout, "the container's end", 30)
        result = watched(command, *arguments).succeed()
        loaded[command] = observed.modules(result.stderr)
        called = observed.functions(calls.read_text().splitlines())
        text += observed.section(command, loaded[command], called)

    file = f"{runtime.driver}.txt"
    if os.environ.get("WRITE_HOT_PATH"):
        Path(os.environ["VMRUN_OUT"], file).write_text(text)
    else:
        seen = write_bundle.read_hot_path((SEEN / file).read_text())
        for command, names in loaded.items():
            assert names == list(seen[command])
