"""Where the program of a container sees something else under runc or crun than under pyouki, and why; data only.

``CONFIG: SECTION`` of facts.sh, with ``*`` for every configuration: a pattern that each differing line matches, and the
reason. An entry of a configuration that is not needed any more fails the test.
"""

from __future__ import annotations

DIFFERENCES: dict[str, dict[str, tuple[str, str]]] = {
    "runc": {},
    "crun": {},
}
