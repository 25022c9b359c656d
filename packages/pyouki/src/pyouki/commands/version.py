"""--version: say what this is, in the form that engines parse."""

from __future__ import annotations

import os
import sys

from libcontainer.oci.spec import OCI_VERSION
from pyouki import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.version import Version
    from pyouki.main import Environment


def run(options: Version, environment: Environment) -> int:
    """Print the version of pyouki, of the specification, of Python and of libseccomp."""
    lines = [
        f"pyouki version {__version__}",
        f"commit: {_commit()}",
        f"spec: {OCI_VERSION}",
        f"python: {sys.version.split()[0]}",
    ]
    try:
        from libseccomp import library_version
    except ImportError:
        pass
    else:
        lines.append("libseccomp: " + ".".join(str(part) for part in library_version()))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _commit() -> str:
    """Return the commit that the build has noted, or the version where it could not know."""
    try:
        with open(f"{os.path.dirname(os.path.dirname(__file__))}/commit.txt", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return __version__
