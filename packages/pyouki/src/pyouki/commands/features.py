"""features: print what this runtime supports."""

from __future__ import annotations

import json
import sys

from libcontainer.syscall.linux import LinuxSyscall
from pyouki import features

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.features import Features
    from pyouki.main import Environment


def run(options: Features, environment: Environment) -> int:
    """Print the features as JSON, indented as runc does."""
    sys.stdout.write(json.dumps(features.describe(LinuxSyscall()), indent=4) + "\n")
    return 0
