"""What this runtime implements, the features structure of the OCI runtime-spec; not what the host offers (``info``).

Every list is the table that the code itself works with, so that neither can be changed without the other. Engines
decide by it: containerd uses idmapped mounts, user-namespaced pods and recursive read-only mounts only if it says so.
"""

from __future__ import annotations

import os

import libseccomp
from libcgroups.systemd.properties import ANNOTATION_PREFIX
from libcontainer import capabilities, memory_policy, namespaces, run_oci
from libcontainer.criu import CONFIG_ANNOTATION
from libcontainer.oci import decode, spec, spec_seccomp
from libcontainer.rootfs import options
from libcontainer.syscall import flags
from libseccomp import constants
from pyouki import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.syscall import Syscall

OCI_VERSION_MIN = "1.0.0"
"""Every configuration of version 1 is accepted."""

_FILTER_FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": constants.FILTER_FLAG_TSYNC,
    "SECCOMP_FILTER_FLAG_LOG": constants.FILTER_FLAG_LOG,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": constants.FILTER_FLAG_SPEC_ALLOW,
    # The kernel takes it together with a listener only.
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": (
        constants.FILTER_FLAG_WAIT_KILLABLE_RECV | constants.FILTER_FLAG_NEW_LISTENER
    ),
}


def describe(syscall: Syscall) -> dict[str, object]:
    """Return the features as a JSON object."""
    return {
        "ociVersionMin": OCI_VERSION_MIN,
        "ociVersionMax": spec.OCI_VERSION,
        "hooks": [decode.json_name(name) for name in spec.Hooks.__fields__],
        "mountOptions": list(options.MOUNT_OPTIONS),
        "linux": _linux(syscall),
        "annotations": {
            "io.github.seccomp.libseccomp.version": ".".join(str(part) for part in libseccomp.library_version()),
            "org.pyouki.checkpoint.enabled": "true",
            "org.pyouki.version": __version__,
        },
        "potentiallyUnsafeConfigAnnotations": [ANNOTATION_PREFIX, CONFIG_ANNOTATION, *run_oci.UNSAFE],
    }


def _linux(syscall: Syscall) -> dict[str, object]:
    return {
        "namespaces": sorted(namespaces.CLONE_FLAGS),
        "capabilities": list(capabilities.NAMES),
        "cgroup": {"v1": True, "v2": True, "systemd": True, "systemdUser": True, "rdma": True},
        "seccomp": _seccomp(syscall),
        "apparmor": {"enabled": True},
        "selinux": {"enabled": True},
        "intelRdt": {"enabled": True, "schemata": True, "monitoring": True},
        "memoryPolicy": {"modes": list(memory_policy.MODES), "flags": list(memory_policy.FLAGS)},
        "mountExtensions": {"idmap": {"enabled": True}},
        "netDevices": {"enabled": True},
    }


def _seccomp(syscall: Syscall) -> dict[str, object]:
    return {
        "enabled": True,
        "actions": _choices(spec_seccomp.SeccompAction),
        "operators": _choices(spec_seccomp.SeccompOperator),
        "archs": [name for name in _choices(spec_seccomp.SeccompArch) if _is_known(name)],
        "knownFlags": _choices(spec_seccomp.SeccompFlag),
        "supportedFlags": [
            name for name in _choices(spec_seccomp.SeccompFlag) if _is_taken(syscall, _FILTER_FLAGS[name])
        ],
    }


def _choices(alias: object) -> list[str]:
    """Return the words that the decoder accepts: at run time a Literal of ``spec_seccomp`` is the tuple of them."""
    assert isinstance(alias, tuple)
    return sorted(alias)


def _is_known(architecture: str) -> bool:
    """Tell whether the libseccomp that is installed can filter for the architecture."""
    try:
        libseccomp.architecture_token(architecture)
    except libseccomp.UnknownArchitecture:
        return False
    return True


def _is_taken(syscall: Syscall, flag: int) -> bool:
    """Tell whether the kernel takes a flag, by loading a filter in a child: it could not be taken off again."""
    pid = os.fork()
    if pid == 0:
        try:
            with libseccomp.Filter(libseccomp.ALLOW) as everything:
                program = everything.export_bpf()
            syscall.prctl(flags.PR_SET_NO_NEW_PRIVS, 1)  # needed without CAP_SYS_ADMIN
            syscall.seccomp_set_mode_filter(flag, program)
        except BaseException:  # noqa: BLE001 - the child has nothing else to say
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0
