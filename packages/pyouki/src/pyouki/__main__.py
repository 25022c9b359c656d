"""The program: ``bin/pyouki`` starts the interpreter on this very file, ``pyouki-py`` calls ``main``."""

import sys


def main() -> None:
    """Run the command line of this process and end it."""
    import gc
    import os

    # A collection would touch every page that a fork shares, and nothing here lives long enough to be collected.
    gc.disable()

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
    """Import our modules from the bundle (see ``pyouki.bundle``), if there is one that this Python can read."""
    import marshal

    try:
        with open(f"{packages}/pyouki/hot.bundle", "rb", buffering=0) as file:
            header = file.read(24)
            if header[:16] != f"pyouki {sys.implementation.cache_tag}".encode().ljust(16)[:16]:
                return
            size = int.from_bytes(header[16:20], "little")
            index = marshal.loads(file.read(size))  # noqa: S302 - installed beside this file, as trusted as it is
            code = file.read(int.from_bytes(header[20:24], "little"))
    except OSError:
        return
    names: dict[str, object] = {"__name__": "pyouki.bundle"}
    exec(marshal.loads(code[: index["pyouki.bundle"][5]]), names)  # noqa: S102, S302
    sys.meta_path.insert(0, names["Finder"](packages, index, 24 + size, code))  # type: ignore[operator]  # the class


if __name__ == "__main__":
    # Started with -I -S: nothing but the standard library is on the path yet.
    _packages = __file__.rpartition("/")[0].rpartition("/")[0]
    if _packages not in sys.path:
        sys.path.append(_packages)
    use_bundle(_packages)
    main()
