"""The program: ``bin/pyouki`` starts the interpreter on this very file, ``pyouki-py`` calls ``main``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line of this process and end it."""
    from pyouki.main import run

    status = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # whoever read it has gone
            status = status or 1
    # Without taking the interpreter down: saves 2 ms of a process that is over.
    os._exit(status)


if __name__ == "__main__":
    # Started with -I -S: nothing but the standard library is on the path yet.
    packages = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if packages not in sys.path:
        sys.path.append(packages)
    main()
