"""Makes a checkout runnable in a virtual environment without installing its packages; not used by any installation.

``pip install --editable`` would not do: it works through a .pth file, and the product starts Python without those.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path

PACKAGES = Path(__file__).resolve().parent
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
SCRIPTS = Path(sysconfig.get_path("scripts"))


def requirements() -> list[str]:
    """Return what the packages need to be built and to run, without each other."""
    found: set[str] = set()
    siblings: set[str] = set()
    for path in PACKAGES.glob("*/pyproject.toml"):
        project = tomllib.loads(path.read_text())
        siblings.add(project["project"]["name"])
        found.update(project["project"]["dependencies"], project["build-system"]["requires"])
    return sorted(requirement for requirement in found if requirement.partition("==")[0] not in siblings)


def link() -> None:
    """Put links to the packages, the launcher and the console script where an installation has them."""
    for package in PACKAGES.glob("*/src/*/__init__.py"):
        place = SITE_PACKAGES / package.parent.name
        if place.is_dir() and not place.is_symlink():
            sys.exit(f"{place}: there is an installed package in the way (hint: uninstall it, or `make clean`)")
        place.unlink(missing_ok=True)
        place.symlink_to(package.parent)
    # A copy, not a link: the launcher looks for the interpreter beside itself. By rename: it may be running.
    fresh = SCRIPTS / ".pyouki.new"
    shutil.copy2(PACKAGES / "pyouki" / "bin" / "pyouki", fresh)
    os.utime(fresh)
    fresh.replace(SCRIPTS / "pyouki")
    script = SCRIPTS / "pyouki-py"
    script.write_text(f"#!{sys.executable}\nfrom pyouki.__main__ import main\n\nmain()\n")
    script.chmod(0o755)


if __name__ == "__main__":
    if sys.argv[1:] == ["requirements"]:
        print(*requirements())
    else:
        link()
