"""restore: bring a container back from the files of a checkpoint."""

from __future__ import annotations

import os

from libcontainer.errors import ArgumentError
from libcontainer.oci import load
from libcontainer.oci.validate import validate
from libcontainer.process.plan import CreateOptions
from libcontainer.process.restore import RestoreOptions, restore
from libcontainer.syscall import flags
from libcontainer.syscall.linux import LinuxSyscall
from pyouki import criu
from pyouki.commands.run import stay
from pyouki.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.restore import Restore
    from pyouki.main import Environment


def run(options: Restore, environment: Environment) -> int:
    """Restore the container; unless detached, stay until it ends and return its exit status."""
    syscall = LinuxSyscall()
    bundle, given = os.path.abspath(options.bundle), environment.globals
    criu.warn_of_ignored_path(given)
    if options.preserve_fds:
        raise ArgumentError(
            "cannot use --preserve-fds with restore: the descriptors of the container are those of its checkpoint",
            object="--preserve-fds",
            hint="leave it out; standard streams that were pipes or files of the host become those of the caller",
        )
    config = load.read(f"{bundle}/{load.CONFIG_NAME}")
    spec = load.complete(load.parse(config))
    validate(spec)
    container = CreateOptions(
        container_id=options.container_id,
        bundle=bundle,
        root=environment.root,
        console_socket=os.path.abspath(options.console_socket) if options.console_socket else "",
        pid_file=os.path.abspath(options.pid_file) if options.pid_file else "",
        no_pivot=options.no_pivot,
        no_new_keyring=options.no_new_keyring,
        systemd_cgroup=given.systemd_cgroup or given.cgroup_manager == "systemd",
        no_cgroup=given.cgroup_manager == "disabled",
        rootless=environment.is_rootless,
        is_detached=options.detach,
    )
    if not options.detach and not options.no_subreaper:
        syscall.prctl(flags.PR_SET_CHILD_SUBREAPER, 1)
    with Progress(f"restore {options.container_id}"):
        restored = restore(syscall, container, _of(options), spec, config)
    if options.detach:
        os.close(restored.pidfd)
        return 0
    return stay(syscall, restored, is_started=True)


def _of(options: Restore) -> RestoreOptions:
    own = ("image_path", "work_path", "empty_network")
    return RestoreOptions(
        image_path=os.path.abspath(options.image_path),
        work_path=os.path.abspath(options.work_path) if options.work_path else None,
        empty_network="network" in options.empty_ns,
        **{name: getattr(options, name) for name in RestoreOptions.__fields__ if name not in own},
    )
