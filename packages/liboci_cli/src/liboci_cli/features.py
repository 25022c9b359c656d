"""The command features."""

from __future__ import annotations

from liboci_cli.options import Command


class Features(Command, name="features"):
    """Print what this runtime supports, as JSON.

    Examples:
        features
    """
