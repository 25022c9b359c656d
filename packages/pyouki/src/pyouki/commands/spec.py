"""spec: write a config.json to start from."""

from __future__ import annotations

import json
import os

from libcgroups.detect import CgroupSetup, get_cgroup_setup
from libcontainer.errors import ArgumentError, SyscallError
from libcontainer.oci.default import default_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.spec import Spec
    from pyouki.main import Environment


def run(options: Spec, environment: Environment) -> int:
    """Write the file; one that exists is not touched."""
    path = os.path.join(options.bundle, options.file)
    unified = get_cgroup_setup() == CgroupSetup.UNIFIED
    text = json.dumps(default_spec(rootless=options.rootless, cgroup2=unified), indent="\t") + "\n"
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ArgumentError(f"File {options.file} exists. Remove it first", object=path) from None
    except OSError as error:
        raise SyscallError(f"write {path}", error.errno, object=path, hint="see --bundle") from None
    return 0
