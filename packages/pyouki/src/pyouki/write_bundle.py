"""Writes hot.bundle (see ``pyouki.bundle``) beside this module: ``python -m pyouki.write_bundle``.

Run after an installation, not when a wheel is built: a wheel serves every Python from 3.11 on, a bundle just one, and
the packages it is made of are only together in an environment. Without the bundle everything works, a little slower.

``hot_modules.txt`` says what is in it: a line ``[command …]``, then the modules in the order in which they are loaded.
"""

from __future__ import annotations

from pathlib import Path

from pyouki import bundle

# Not resolved: in a checkout the packages are links, and this is where they are imported from.
SITE_PACKAGES = Path(__file__).absolute().parent.parent
MODULES = SITE_PACKAGES / "pyouki" / "hot_modules.txt"


def main() -> None:
    """Write the bundle beside the installed package, by rename: commands may be running."""
    parts = {command: [_source(name) for name in names] for command, names in read_modules(MODULES.read_text()).items()}
    target = SITE_PACKAGES / "pyouki" / bundle.NAME
    fresh = target.with_suffix(".new")
    bundle.write(str(fresh), parts)
    fresh.replace(target)


def read_modules(text: str) -> dict[str, list[str]]:
    """Parse hot_modules.txt: the modules of each command, in order."""
    parts: dict[str, list[str]] = {}
    names: list[str] = []
    for line in text.splitlines():
        if line.startswith("["):
            names = []
            parts.update((command, names) for command in line.strip("[]").split())
        elif line:
            names.append(line)
    return parts


def _source(name: str) -> tuple[str, str, str]:
    plain = f"{name.replace('.', '/')}.py"
    place = plain if (SITE_PACKAGES / plain).exists() else f"{name.replace('.', '/')}/__init__.py"
    return name, place, str(SITE_PACKAGES / place)


if __name__ == "__main__":
    main()
