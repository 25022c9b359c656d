"""What can go wrong with the guest, as opposed to in it."""

from __future__ import annotations

import sys


class Failure(Exception):
    """Something that the guest's host, not the command, got wrong; the text says what."""


class Unresponsive(Failure):
    """The machine resumed but its agent says nothing; another try may do better."""


def say(text: str) -> None:
    """Tell the user."""
    print(f"vm: {text}", file=sys.stderr, flush=True)
