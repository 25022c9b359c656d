"""Writes hot.bundle (see ``pyouki.bundle``) beside this module: ``python -m pyouki.write_bundle``.

Run after an installation, not when a wheel is built: a wheel serves every Python from 3.11 on, a bundle just one, and
the packages it is made of are only together in an environment. Without the bundle everything works, a little slower.
"""

from __future__ import annotations

from pathlib import Path

from pyouki import bundle

# Not resolved: in a checkout the packages are links, and this is where they are imported from.
SITE_PACKAGES = Path(__file__).absolute().parent.parent
MODULES = SITE_PACKAGES / "pyouki" / "hot_modules.txt"


def main() -> None:
    """Write the bundle beside the installed package, by rename: commands may be running."""
    first, rest = (part.split() for part in MODULES.read_text().split("\n\n"))
    sources = [_source(name) for name in ("pyouki.bundle", *first, *rest)]
    target = SITE_PACKAGES / "pyouki" / bundle.NAME
    fresh = target.with_suffix(".new")
    bundle.write(str(fresh), sources, len(first) + 1)
    fresh.replace(target)


def _source(name: str) -> tuple[str, str, str]:
    plain = f"{name.replace('.', '/')}.py"
    place = plain if (SITE_PACKAGES / plain).exists() else f"{name.replace('.', '/')}/__init__.py"
    return name, place, str(SITE_PACKAGES / place)


if __name__ == "__main__":
    main()
