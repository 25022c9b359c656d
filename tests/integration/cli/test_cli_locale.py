"""The interpreter runs without a locale and in UTF-8; what it executes has the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller, read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, []), ({"LC_ALL": "de_DE.ISO-8859-1"}, ["LC_ALL=de_DE.ISO-8859-1"]), ({"LANG": "C"}, [])],
    ids=["none", "another", "only LANG"],
)
def test_hooks_have_the_locale_of_the_caller(
    runtime: Runtime, make_bundle: MakeBundle, work: str, variables: dict[str, str], expected: list[str]
) -> None:
    prefix = ["env", "-u", "LC_ALL", *(f"{name}={value}" for name, value in variables.items())]
    hook = mutations.hook("createRuntime", "/bin/sh", "-c", f"env > {work}/environment")

    runtime.create(make_bundle(mutate=hook), caller=Caller(prefix=prefix))

    lines = read(f"{work}/environment").splitlines()
    assert [line for line in lines if "LC_ALL" in line] == expected
    assert {f"{name}={value}" for name, value in variables.items()} <= set(lines)


@pytest.mark.parametrize("locale", ["C", "de_DE.ISO-8859-1", "tr_TR.UTF-8"])
def test_names_are_bytes_in_every_locale(runtime: Runtime, make_bundle: MakeBundle, locale: str) -> None:
    bundle = make_bundle("sh", "-c", "echo schön", mutate=mutations.top(annotations={"näme": "wört"}))
    caller = Caller(prefix=["env", f"LC_ALL={locale}"])

    result = runtime.run(bundle, caller=caller)

    assert result.stdout == "schön\n"
