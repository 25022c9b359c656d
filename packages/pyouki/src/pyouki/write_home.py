"""Writes a home for the interpreter beside our packages, in which it starts with less to look for.

An interpreter looks for its standard library from the path it is called by. The launcher calls it by one in this home,
``site-packages/pyouki-home``::

    bin/pyouki                           the name it is called by; there is no such file
    bin/python3                          the interpreter
    lib/python3.N/os.py                  by which it recognises a home
    lib/python3.N/lib-dynload            the interpreter's own
    lib/python3.N/encodings/__init__.py  pyouki.lean_encodings
    lib/python3.N/standard               the interpreter's own library, which ``__main__`` then looks into instead

All but the one module are links, so that updates of the interpreter take effect. Without a home everything works, a
tenth of a bare start slower.
"""

from __future__ import annotations

import _imp
import os
import py_compile
import shutil
import sys
import sysconfig
from pathlib import Path

from pyouki import lean_encodings

NAME = "pyouki-home"


def write(site_packages: Path) -> None:
    """Write the home, or bring it up to date; each file by rename: commands may be running."""
    standard = Path(sysconfig.get_path("stdlib"))
    # Without that directory, as where all of it is built in, the interpreter would complain with every command.
    has_extensions = (standard / "lib-dynload").is_dir()
    if sys.implementation.name != "cpython" or not _imp.is_frozen("codecs") or not has_extensions:
        return
    home = site_packages / NAME
    library = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    (library / "encodings").mkdir(parents=True, exist_ok=True)
    _link(Path(sys.executable).resolve(), home / "bin" / "python3")
    _link(standard, library / "standard")
    _link(standard / "os.py", library / "os.py")
    _link(standard / "lib-dynload", library / "lib-dynload")
    module = library / "encodings" / "__init__.py"
    fresh = module.with_suffix(".new")
    shutil.copyfile(lean_encodings.__file__, fresh)
    fresh.replace(module)
    # Without a look at the source: it is written nowhere else.
    py_compile.compile(str(module), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH, doraise=True)


def _link(target: Path, link: Path) -> None:
    fresh = link.with_name(f"{link.name}.new")
    fresh.unlink(missing_ok=True)
    os.symlink(target, fresh)
    fresh.replace(link)
