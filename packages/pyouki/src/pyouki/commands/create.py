"""create: make a container whose process waits for start."""

from __future__ import annotations

import pyouki.memory  # noqa: F401 - before the modules below take any

# isort: split
import os
import posix

from libcontainer import descriptors
from libcontainer.oci import load
from libcontainer.oci.validate import validate
from libcontainer.process import create as process
from libcontainer.process.plan import CreateOptions
from libcontainer.syscall.linux import LinuxSyscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from libcontainer.executor import Executor
    from libcontainer.process.create import Created
    from libcontainer.syscall import Syscall
    from liboci_cli.create import Create
    from pyouki.main import Environment


def run(options: Create, environment: Environment) -> int:
    """Create the container and return: its init waits."""
    os.close(create(LinuxSyscall(), options, environment, is_detached=True).pidfd)
    return 0


def create(syscall: Syscall, options: Create, environment: Environment, *, is_detached: bool) -> Created:
    """Create the container that the command line describes; run does it too, and stays."""
    bundle = os.path.abspath(options.bundle)
    given = environment.globals
    config = load.read(os.path.abspath(options.config) if options.config else f"{bundle}/{load.CONFIG_NAME}")
    spec = load.complete(load.parse(config))
    validate(spec)
    container = CreateOptions(
        container_id=options.container_id,
        bundle=bundle,
        root=environment.root,
        console_socket=_absolute(options.console_socket),
        pid_file=_absolute(options.pid_file),
        pidfd_socket=_absolute(options.pidfd_socket),
        no_pivot=options.no_pivot,
        no_new_keyring=options.no_new_keyring,
        preserve_fds=options.preserve_fds,
        listen_fds=descriptors.listen_fds(),
        systemd_cgroup=given.systemd_cgroup or given.cgroup_manager == "systemd",
        no_cgroup=given.cgroup_manager == "disabled",
        rootless=environment.is_rootless,
        notifies=bool(posix.environ.get(b"NOTIFY_SOCKET")),
        is_detached=is_detached,
        successor=environment.successor,
    )
    return process.create(syscall, container, spec, config, _executors(spec.annotations))


def _absolute(path: str | None) -> str:
    return os.path.abspath(path) if path else ""


def _executors(annotations: Mapping[str, str]) -> Sequence[Executor]:
    """Return who else may run the workload; nobody is even looked for unless an annotation asks for a handler."""
    if not annotations or not ("run.oci.handler" in annotations or "module.wasm.image/variant" in annotations):
        return ()
    from pyouki import workloads

    return workloads.installed()
