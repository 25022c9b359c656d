"""One version for the five packages, and siblings that ask for exactly it."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.workspace import PACKAGES, ROOT, metadata, modules

SIBLINGS = {metadata(package)["name"]: package for package in PACKAGES}


def test_all_packages_have_one_version() -> None:
    versions = {package: metadata(package)["version"] for package in PACKAGES}

    assert len(set(versions.values())) == 1, versions


def test_a_version_in_the_code_is_that_of_the_package() -> None:
    told = {
        str(module): ast.literal_eval(node.value)
        for module in modules()
        for node in module.tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    }

    assert told == {module: metadata(module.partition("/")[0])["version"] for module in told}
    assert "pyouki/__init__.py" in told


@pytest.mark.parametrize("package", PACKAGES)
def test_siblings_are_pinned_to_the_same_version(package: str) -> None:
    asked = [dependency for dependency in metadata(package)["dependencies"] if _name(dependency) in SIBLINGS]

    assert asked == [f"{_name(dependency)}=={metadata(package)['version']}" for dependency in asked]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_depends_on_the_siblings_that_it_imports(package: str) -> None:
    own = [module for module in modules() if str(module).startswith(f"{package}/")]
    imported = {name.partition(".")[0] for module in own for name in module.imported()}

    declared = {SIBLINGS.get(_name(dependency)) for dependency in metadata(package)["dependencies"]}

    assert imported & set(PACKAGES) - {package} <= declared


@pytest.mark.parametrize("package", PACKAGES)
def test_the_licence_goes_with_the_package(package: str) -> None:
    assert (ROOT / "packages" / package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def _name(dependency: str) -> str:
    return dependency.partition("==")[0].partition(">=")[0].partition("[")[0].strip()
