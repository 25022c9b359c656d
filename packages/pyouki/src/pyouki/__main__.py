"""The program: ``bin/pyouki`` starts the interpreter on this very file, ``pyouki-py`` calls ``main``."""

import sys


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
    """Import our modules from the bundle (see ``pyouki.bundle``), if there is one that this Python can read."""
    import marshal

    try:
        with open(f"{packages}/pyouki/hot.bundle", "rb", buffering=0) as file:
            data = file.read()
    except OSError:
        return
    if data[:16] != f"pyouki {sys.implementation.cache_tag}".encode().ljust(16)[:16]:
        return
    start = 20 + int.from_bytes(data[16:20], "little")
    index = marshal.loads(data[20:start])  # noqa: S302 - installed beside this file, as trusted as it is
    code = memoryview(data)[start:]
    names = {"__name__": "pyouki.bundle"}
    _, _, _, offset, length = index["pyouki.bundle"]
    exec(marshal.loads(code[offset : offset + length]), names)  # noqa: S102, S302
    sys.meta_path.insert(0, names["Finder"](packages, index, code))  # type: ignore[operator]  # the class


if __name__ == "__main__":
    # Started with -I -S: nothing but the standard library is on the path yet.
    _packages = __file__.rpartition("/")[0].rpartition("/")[0]
    if _packages not in sys.path:
        sys.path.append(_packages)
    use_bundle(_packages)
    main()
