"""What youki's interface has in a module of this name; the home of both functions is ``signals``."""

from __future__ import annotations

from libcontainer.signals import name_of, parse

__all__ = ["name_of", "parse"]
