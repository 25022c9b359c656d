"""The recording manager under the module name of youki's interface; it is defined in ``libcgroups.testing``."""

from __future__ import annotations

from libcgroups.testing import TestManager

# Nothing here is a test.
__test__ = False

__all__ = ["TestManager"]
