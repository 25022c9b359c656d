"""What runc 1.1.5 and crun 1.8.1 of Debian 12 get wrong: runtime, test, reason; data only.

These entries are also the proof that the attacks of this suite work.
"""

from __future__ import annotations

DIFFERENCES: dict[str, dict[str, str]] = {
    "pyouki": {},
    "runc": {},
    "crun": {},
}
