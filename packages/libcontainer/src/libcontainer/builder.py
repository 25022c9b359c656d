"""Containers under the names of youki's builders, for those who know them; a thin layer over ``Container``.

::

    container = ContainerBuilder("one").with_root_path("/run/tool").as_init("/bundle").with_detach(True).build()
    process = ContainerBuilder("one").with_root_path("/run/tool").as_tenant().with_container_args(["id"]).build()

A builder is spent by ``build``. Builders have no ``SyscallType``: the system calls are made by the engine process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from libcontainer.container import store
from libcontainer.errors import LibcontainerError
from libcontainer.handle import Container, default_root

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from libcontainer.executed import ExecSettings, Process
    from libcontainer.oci.spec import LinuxCapabilities
    from libcontainer.stdio_capture import Stream

    Path = str | os.PathLike[str]

_FIRST_PASSED = 3


class ContainerBuilder:
    """What a new container and a process in an existing one have in common."""

    def __init__(self, container_id: str) -> None:
        """Begin with the container's name.

        Raises:
            InvalidIDError: it is not a name.
        """
        self.container_id = store.check_id(container_id)
        self.root_path: Path | None = None
        self.settings: dict[str, Any] = {}
        self.executors: list[str] = []

    def with_root_path(self, path: Path) -> Self:
        """Set the directory of all containers; without it ``default_root()`` is meant."""
        self.root_path = path
        return self

    def with_pid_file(self, path: Path) -> Self:
        """Have the pid written to a file."""
        return self._with("pid_file", path)

    def with_console_socket(self, path: Path) -> Self:
        """Have the terminal's master sent to a socket."""
        return self._with("console_socket", path)

    def with_preserved_fds(self, count: int) -> Self:
        """Pass on the first ``count`` descriptors of this program from 3 on."""
        return self._with("pass_fds", tuple(range(_FIRST_PASSED, _FIRST_PASSED + count)))

    def with_stdin(self, stream: Stream) -> Self:
        """Set standard input."""
        return self._with("stdin", stream)

    def with_stdout(self, stream: Stream) -> Self:
        """Set standard output."""
        return self._with("stdout", stream)

    def with_stderr(self, stream: Stream) -> Self:
        """Set standard error."""
        return self._with("stderr", stream)

    def with_executor(self, executor: str) -> Self:
        """Add one who may run the workload, as ``module:object``; the first that can is taken."""
        self.executors.append(executor)
        return self

    def as_init(self, bundle: Path) -> InitContainerBuilder:
        """Go on with a new container."""
        return InitContainerBuilder(self, bundle)

    def as_tenant(self) -> TenantContainerBuilder:
        """Go on with a process in an existing container."""
        return TenantContainerBuilder(self)

    def _with(self, name: str, value: object) -> Self:
        self.settings[name] = value
        return self


class InitContainerBuilder:
    """A new container."""

    def __init__(self, common: ContainerBuilder, bundle: Path) -> None:
        """Programs use ``ContainerBuilder.as_init``."""
        self._common = common
        self._bundle = bundle
        # As in youki, a container outlives its maker unless told otherwise.
        self._settings: dict[str, Any] = {"detach": True}

    def with_bundle(self, bundle: Path) -> Self:
        """Take another bundle."""
        self._bundle = bundle
        return self

    def with_systemd(self, should_use: bool) -> Self:
        """Let systemd manage the cgroup; without it the files are used."""
        self._settings["systemd_cgroup"] = should_use
        return self

    def with_detach(self, detached: bool) -> Self:
        """Choose whether the container outlives this program; without it, it does."""
        self._settings["detach"] = detached
        return self

    def with_no_pivot(self, no_pivot: bool) -> Self:
        """Move the root file system over the old root instead of pivot_root(2)."""
        self._settings["no_pivot"] = no_pivot
        return self

    def build(self) -> Container:
        """Create the container; see ``Container.create`` for the errors."""
        common = self._common
        settings = {**common.settings, **self._settings}
        return Container.create(
            self._bundle, id=common.container_id, root=common.root_path, executors=common.executors, **settings
        )


class TenantContainerBuilder:
    """A process in an existing container."""

    def __init__(self, common: ContainerBuilder) -> None:
        """Programs use ``ContainerBuilder.as_tenant``."""
        self._common = common
        self._args: Sequence[str] = ()
        self._user: int | None = None
        self._group: int | None = None
        self._settings: ExecSettings = dict(common.settings)  # type: ignore[assignment]  # its names are among them

    def with_container_args(self, args: Sequence[str]) -> Self:
        """Set the program and its arguments."""
        self._args = args
        return self

    def with_env(self, env: Mapping[str, str]) -> Self:
        """Add variables to those of the container."""
        self._settings["env"] = env
        return self

    def with_cwd(self, path: str) -> Self:
        """Set the working directory."""
        self._settings["cwd"] = path
        return self

    def with_user(self, uid: int) -> Self:
        """Set the user id."""
        self._user = uid
        return self

    def with_group(self, gid: int) -> Self:
        """Set the group id."""
        self._group = gid
        return self

    def with_additional_gids(self, gids: Sequence[int]) -> Self:
        """Set the supplementary groups."""
        self._settings["additional_gids"] = gids
        return self

    def with_no_new_privs(self, no_new_privs: bool) -> Self:
        """Set whether no_new_privs is."""
        self._settings["no_new_privileges"] = no_new_privs
        return self

    def with_capabilities(self, capabilities: LinuxCapabilities) -> Self:
        """Set all five sets of capabilities."""
        self._settings["capabilities"] = capabilities
        return self

    def with_process_label(self, label: str) -> Self:
        """Set the SELinux label."""
        self._settings["selinux_label"] = label
        return self

    def with_apparmor(self, profile: str) -> Self:
        """Set the AppArmor profile."""
        self._settings["apparmor_profile"] = profile
        return self

    def with_sub_cgroup(self, path: str) -> Self:
        """Add a cgroup below the container's to join."""
        self._settings["sub_cgroups"] = (*self._settings.get("sub_cgroups", ()), path)
        return self

    def with_ignore_paused(self, ignore_paused: bool) -> Self:
        """Go on although the container is paused."""
        self._settings["ignore_paused"] = ignore_paused
        return self

    def build(self) -> Process:
        """Run the process; see ``Container.spawn`` for the errors."""
        common = self._common
        if common.executors:
            raise LibcontainerError("run a process in a container: executors are for the container's own process")
        root = common.root_path if common.root_path is not None else default_root()
        container = Container.load(root, common.container_id)
        try:
            return self._run_in(container)
        finally:
            container.close()

    def _run_in(self, container: Container) -> Process:
        if self._user is not None or self._group is not None:
            process = container.spec.process
            own = process.user if process is not None else None
            uid = self._user if self._user is not None else own.uid if own is not None else 0
            gid = self._group if self._group is not None else own.gid if own is not None else 0
            self._settings["user"] = (uid, gid)
        return container.spawn(self._args, **self._settings)
