"""The program: ``bin/pyouki`` starts the interpreter on this very file, ``pyouki-py`` calls ``main``."""

import sys

MAGIC = f"pyouki 9 {sys.implementation.cache_tag}".encode().ljust(16)[:16]
"""What a bundle begins with that this Python can read; the number is that of its layout."""


def main() -> None:
    """Run the command line of this process and end it."""
    import os

    from pyouki.main import run

    status = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # whoever read it has gone
            status = status or 1
    # Without taking the interpreter down: saves 2 ms of a process that is over.
    os._exit(status)


def use_bundle(packages: str) -> None:
    """Load the modules of a hot command from the bundle beside this file, if this Python can read it."""
    import marshal

    try:
        # Closed at once: a descriptor that stays open would be taken for one that the caller passes on.
        with open(f"{packages}/pyouki/hot.bundle", "rb", buffering=0) as file:
            if file.read(len(MAGIC)) == MAGIC:
                code = marshal.loads(file.read(int.from_bytes(file.read(4), "little")))
                names: dict[str, object] = {"__name__": "pyouki.bundle"}
                exec(code, names)  # noqa: S102 - our own code
                names["load"](file, packages, sys.argv[1:])  # type: ignore[operator]  # pyouki.bundle.load
    except OSError:
        pass


def restore_locale() -> None:
    """Put the locale back that the launcher has spared the interpreter; programs that we execute may want it."""
    import posix

    locale = posix.environ.pop(b"PYOUKI_LC_ALL", None)
    if locale is not None:
        posix.unsetenv(b"PYOUKI_LC_ALL")
        if locale:
            posix.environ[b"LC_ALL"] = locale
            posix.putenv(b"LC_ALL", locale)
        else:
            del posix.environ[b"LC_ALL"]
            posix.unsetenv(b"LC_ALL")


if __name__ == "__main__":
    # Started with -I -S: nothing but the standard library is on the path yet.
    _packages = __file__.rpartition("/")[0].removesuffix("/__pycache__").rpartition("/")[0]
    if sys.prefix.endswith("/pyouki-home"):  # see pyouki.write_home
        _library = sys.path[1]
        sys.path[:] = f"{_library}/standard", f"{_library}/lib-dynload"
        sys.executable = f"{sys.prefix}/bin/python3"
    if _packages not in sys.path:
        sys.path.append(_packages)
    # A collection would touch every page that a fork shares, and nothing here lives long enough to be collected.
    __import__("gc").disable()
    restore_locale()
    use_bundle(_packages)
    main()
