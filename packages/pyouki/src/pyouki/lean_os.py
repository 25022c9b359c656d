"""A stand-in for ``os`` that has what the kernel's interface needs, until something else of it is asked for.

Importing ``os`` costs a fifth of the interpreter's start, most of it for ``environ`` and its abstract base classes. The
system calls are in ``posix``, which is part of the interpreter; hot commands use little else. The first name that is
missing loads the true module, which then takes the stand-in's place in ``sys.modules`` and gives it all its names.
"""

from __future__ import annotations

import _imp
import posix
import sys

_MODULE: type = type(sys)
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


class _StandIn(_MODULE):  # type: ignore[misc]  # types.ModuleType, without importing types
    def __getattr__(self, name: str) -> object:
        if name == "__path__":  # asked by the import system of what may be a package
            raise AttributeError(name)
        if name == "path":
            import posixpath

            self.path = sys.modules["os.path"] = posixpath
            return posixpath
        _complete(self)
        return getattr(self, name)


class _PathStandIn(_MODULE):  # type: ignore[misc]
    def __getattr__(self, name: str) -> object:
        import posixpath

        return getattr(posixpath, name)


def install() -> None:
    """Put the stand-in into ``sys.modules``, unless ``os`` is there, or would have to be read from a file."""
    if "os" in sys.modules or not _imp.is_frozen("os"):
        return
    module = _StandIn("os")
    names = module.__dict__
    names.update(posix.__dict__)
    names["__name__"], names["__spec__"], names["__loader__"] = "os", None, None
    del names["environ"]  # of bytes, which os's is not
    names["fsencode"], names["fsdecode"] = _fsencode, _fsdecode
    names["getenv"] = _getenv
    names["SEEK_SET"] = 0
    sys.modules["os"] = module
    sys.modules["os.path"] = _PathStandIn("os.path")


def _getenv(name: str, default: str | None = None) -> str | None:
    """Return what the environment held at the start: commands do not change theirs."""
    value = posix.environ.get(_fsencode(name))
    return default if value is None else _fsdecode(value)


def _complete(module: object) -> None:
    del sys.modules["os"]
    import os

    module.__dict__.update(os.__dict__)
    module.__class__ = _MODULE


def _fsencode(name: str | bytes) -> bytes:
    name = posix.fspath(name)
    return name.encode(_ENCODING, _ERRORS) if isinstance(name, str) else name


def _fsdecode(name: str | bytes) -> str:
    name = posix.fspath(name)
    return name.decode(_ENCODING, _ERRORS) if isinstance(name, bytes) else name


install()
