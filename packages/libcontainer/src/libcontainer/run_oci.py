"""The annotations that change what the runtime does, by the names that crun gave them; each costs a look-up.

Not here: ``org.systemd.property.*`` (libcgroups), ``org.criu.config`` (``criu``) and ``run.oci.handler`` (executors).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

KEEP_ORIGINAL_GROUPS = "run.oci.keep_original_groups"
"""``1``: the process keeps the groups of the caller, which a rootless one could not get back."""
SECCOMP_RECEIVER = "run.oci.seccomp.receiver"
"""A ``linux.seccomp.listenerPath`` for configurations of engines that cannot write one."""
SECCOMP_FAIL_UNKNOWN = "run.oci.seccomp_fail_unknown_syscall"
"""``1``: a system call that libseccomp does not know is an error."""
PIDFD_RECEIVER = "run.oci.pidfd_receiver"
"""Path of a socket that is sent a pidfd of init."""
HOOKS_STDOUT = "run.oci.hooks.stdout"
"""Path of a file on the host that what hooks print is appended to."""
HOOKS_STDERR = "run.oci.hooks.stderr"
"""The same for their standard error."""

UNSAFE = (KEEP_ORIGINAL_GROUPS, SECCOMP_RECEIVER, PIDFD_RECEIVER, HOOKS_STDOUT, HOOKS_STDERR)
"""Those that an engine must not let the author of an image set, for ``features``: they give or write something."""


def is_on(annotations: Mapping[str, str], name: str) -> bool:
    """Tell whether a switch is on, which is ``1`` for crun; a container with no annotations has none."""
    return bool(annotations) and annotations.get(name) == "1"
