"""Bring a container back from the files of a checkpoint, with CRIU: it is created and runs at once.

As in create, nothing exists that the disk does not name, and whatever fails, everything is taken back.
"""

from __future__ import annotations

import os

from libcontainer import cgroups, log, new_cgroup, pidfd
from libcontainer.container import state as state_module
from libcontainer.container import store
from libcontainer.criu import external, rpc
from libcontainer.criu.operation import CriuOptions, Operation
from libcontainer.errors import CriuError, SpecError
from libcontainer.process import create, pid_file, steps
from libcontainer.process.create import Created
from libcontainer.rootfs import inside
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcgroups.manager import CgroupManager
    from libcontainer.container.state import ContainerState
    from libcontainer.criu.rpc import Message
    from libcontainer.oci.spec import Spec
    from libcontainer.process.plan import CreateOptions
    from libcontainer.syscall import Syscall

_SIGKILL = 9
_DEATH_TIMEOUT_S = 10.0
_JOINED = {"ipc": "ipc", "uts": "uts"}


class RestoreOptions(CriuOptions):
    """How to restore; the words are CRIU's.

    Attributes:
        tcp_close: connections are restored as closed ones.
        lsm_profile: ``TYPE:NAME`` of a security module's profile, None for the saved one.
        lsm_mount_context: SELinux context of mounts, None for the saved one.
    """

    tcp_close: bool = False
    lsm_profile: str | None = None
    lsm_mount_context: str | None = None


def restore(syscall: Syscall, container: CreateOptions, options: RestoreOptions, spec: Spec, config: bytes) -> Created:
    """Restore a container.

    Descriptors 0 to 2 of this process become the container's where it had pipes.

    Args:
        syscall: the kernel.
        container: what the caller says of the container, as for create.
        options: what the caller says of the restore.
        spec: the configuration, validated.
        config: the text it came from, kept for later commands.

    Raises:
        CriuError: CRIU is missing or could not do it.
        LibcontainerError: it could not be restored for another reason; nothing is left of it.
    """
    rootfs = os.path.realpath(os.path.join(container.bundle, spec.root.path))
    if not os.path.isdir(rootfs):
        raise SpecError("root.path", f"invalid rootfs: {rootfs}: not a directory")
    operation = Operation(rpc.RESTORE, options.image_path, options.work_path)
    try:
        directory = store.ContainerDirectory(container.root, container.container_id)
        manager = create.manager_of(container, spec)
        directory.make()
        restoration = _Restoration(syscall, container, spec, rootfs, directory, manager)
        try:
            restoration.describe(operation, options)
            return restoration.run(operation, config, options)
        except BaseException as error:
            restoration.undo(error)
            raise
        finally:
            restoration.close()
    finally:
        operation.close()


class _Restoration:
    """One attempt to restore a container, and what it has made so far."""

    def __init__(
        self,
        syscall: Syscall,
        container: CreateOptions,
        spec: Spec,
        rootfs: str,
        directory: store.ContainerDirectory,
        manager: CgroupManager,
    ) -> None:
        self.syscall = syscall
        self.container = container
        self.spec = spec
        self.directory = directory
        self.manager = manager
        self.resources = new_cgroup.resources_of(spec, rootless=container.rootless)
        self.state = create.first_state(container, spec, rootfs, manager)
        self.pidfd = -1
        self.master = -1
        self.opened: list[int] = []

    def describe(self, operation: Operation, options: RestoreOptions) -> None:
        """Tell CRIU what comes from outside of its images."""
        operation.add(options, self.spec.annotations)
        operation.add_flags(
            {
                rpc.Options.tcp_close: options.tcp_close,
                # Device nodes may have other numbers than they had.
                rpc.Options.evasive_devices: True,
                # The restored init becomes a child of this process, not of criu.
                rpc.Options.restore_sibling: True,
            }
        )
        told: Message = [(rpc.Options.root, self.state.rootfs)]
        if options.lsm_profile is not None:
            told.append((rpc.Options.lsm_profile, options.lsm_profile))
        if options.lsm_mount_context is not None:
            told.append((rpc.Options.lsm_mount_context, options.lsm_mount_context))
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mountinfo = file.read()
        sources = external.mounts_to_restore(self.spec, self.container.bundle, self.manager.hierarchies(), mountinfo)
        told += [(rpc.Options.external_mount, [(1, point), (2, source)]) for point, source in sources.items()]
        operation.options += told
        self._describe_namespaces(operation)
        self._describe_descriptors(operation)

    def _describe_namespaces(self, operation: Operation) -> None:
        for index, namespace in enumerate(self.spec.linux.namespaces):
            if not namespace.path:
                continue
            at = f"linux.namespaces[{index}].path"
            if namespace.type in external.NAMESPACE_KEYS:
                try:
                    fd = os.open(namespace.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
                except OSError as error:
                    raise SpecError(at, f"open {namespace.path}: {os.strerror(error.errno or 0).lower()}") from None
                self.opened.append(fd)
                operation.inherited.append(fd)
                key = external.NAMESPACE_KEYS[namespace.type][1]
                operation.options.append((rpc.Options.inherit_fd, [(1, key), (2, fd)]))
            elif namespace.type in _JOINED:
                joined: Message = [(1, _JOINED[namespace.type]), (2, namespace.path)]
                operation.options.append((rpc.Options.join_namespace, joined))
            else:
                raise SpecError(at, f"criu cannot restore a container into an existing {namespace.type} namespace")

    def _describe_descriptors(self, operation: Operation) -> None:
        try:
            pairs = external.inherited_descriptors(operation.read(external.DESCRIPTORS_FILE))
        except FileNotFoundError:
            raise CriuError(
                f"no checkpoint: {external.DESCRIPTORS_FILE} is missing",
                object=external.DESCRIPTORS_FILE,
                hint="--image-path names the directory that checkpoint has filled",
            ) from None
        except ValueError as error:
            raise CriuError(f"read {external.DESCRIPTORS_FILE}: {error}") from None
        for key, number in pairs:
            operation.inherited.append(number)
            operation.options.append((rpc.Options.inherit_fd, [(1, key), (2, number)]))

    def run(self, operation: Operation, config: bytes, options: RestoreOptions) -> Created:
        """Make the cgroup, and have CRIU make the rest."""
        self.directory.save(self.state)
        self.directory.write(store.CONFIG_FILE, config)
        with cgroups.translated("cgroup create"):
            self.manager.create(self.resources)
        self._make_mount_points()
        answer = operation.perform(
            features=[(rpc.LAZY_PAGES, "criu or this kernel has no lazy pages")] if options.lazy_pages else [],
            prepare=self._prepare,
            before=lambda criu: self._limit(operation, criu),
            notified=self._notified,
        )
        if not self.state.pid:
            self._is_restored(answer.pid)
        # Our own child: its pid cannot be another's before it is reaped, even if it has ended already.
        self.pidfd = os.pidfd_open(answer.pid)
        self._hand_over()
        return Created(self.state, self.directory, self.pidfd, self.master)

    def _prepare(self) -> None:
        """Become what criu is started as; what it restores inherits the keyring."""
        # Without us nobody would know of what it restores.
        self.syscall.prctl(flags.PR_SET_PDEATHSIG, _SIGKILL)
        if not self.container.no_new_keyring:
            steps.join_keyring(self.syscall, self.container.container_id)
        self._enter_mount_namespace()

    def _enter_mount_namespace(self) -> None:
        """Give criu a mount namespace where the rootfs is a mount, as it must be; the host's stays as it is."""
        self.syscall.unshare(flags.CLONE_NEWNS)
        self.syscall.mount(None, "/", None, flags.MS_SLAVE | flags.MS_REC, None)
        if self.container.no_pivot:
            self._cover_root()
        rootfs = self.state.rootfs
        self.syscall.mount(rootfs, rootfs, None, flags.MS_BIND | flags.MS_REC, None)

    def _cover_root(self) -> None:
        """Mount the root on itself: criu cannot do without pivot_root(2), which does not take a ramdisk's root away."""
        root = self.syscall.open_tree(flags.AT_FDCWD, "/", flags.OPEN_TREE_CLONE | flags.AT_RECURSIVE)
        self.syscall.move_mount(root, "", flags.AT_FDCWD, "/", flags.MOVE_MOUNT_F_EMPTY_PATH)
        self.syscall.fchdir(root)
        self.syscall.chroot(".")
        os.close(root)

    def _limit(self, operation: Operation, criu: int) -> None:
        """Put criu into the container's cgroup, which what it restores inherits; it leaves by ending."""
        create.join(self.manager, criu)
        create.apply_limits(self.manager, self.resources)
        if self.spec.linux.intel_rdt is not None:
            self._save(create.limit_cache(self.spec.linux.intel_rdt, self.state, criu))
        with open(f"/proc/{criu}/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.rstrip("\n").split(":", 2) for line in file]
        # Where each controller's part of the images is to go, should the container have got another cgroup.
        operation.options += [(rpc.Options.cgroup_root, [(1, row[1]), (2, row[2])]) for row in rows]

    def _make_mount_points(self) -> None:
        """Make what mounts need in a rootfs that may be a fresh one; below other mounts CRIU finds it in its images."""
        root = os.open(self.state.rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        points = [os.path.normpath(mount.destination) for mount in self.spec.mounts]
        try:
            for mount, point in zip(self.spec.mounts, points, strict=True):
                if any(point.startswith(f"{other}/") for other in points):
                    continue
                source = os.path.join(self.container.bundle, mount.source or "")
                is_file = external.is_bind(mount) and not os.path.isdir(source)
                make = inside.make_file if is_file else inside.make_directories
                os.close(make(self.syscall, root, point))
        finally:
            os.close(root)

    def _notified(self, name: str, pid: int, descriptors: list[int]) -> None:
        log.debug("criu: %s (pid=%d)", name, pid)
        if name == "setup-namespaces":
            create.run_runtime_hooks(self.syscall, self.spec, self.state, pid)
        elif name == "post-restore":
            self._is_restored(pid)
        elif name == "orphan-pts-master" and descriptors:
            self.master = os.dup(descriptors[0])

    def _is_restored(self, pid: int) -> None:
        started = pidfd.start_time(pid) or 0
        self._save(self.state.replace(pid=pid, pid_start_time=started, status=state_module.RUNNING))

    def _save(self, state: ContainerState) -> None:
        if state != self.state:
            self.state = state
            self.directory.save(state)

    def _hand_over(self) -> None:
        """Give the terminal and the pid to whoever asked for them."""
        if self.master >= 0 and self.container.console_socket:
            from libcontainer import tty

            connection = tty.connect_console_socket(self.container.console_socket)
            try:
                tty.send_master(connection, self.master, "/dev/console")
            finally:
                os.close(connection)
            os.close(self.master)
            self.master = -1
        if self.container.pid_file:
            pid_file.write(self.container.pid_file, self.state.pid)

    def close(self) -> None:
        """Close what was opened for CRIU."""
        for fd in self.opened:
            os.close(fd)

    def undo(self, error: BaseException) -> None:
        """Take everything back; what cannot be is told as a note to the error that is the reason."""
        create.do_all(
            error,
            ("kill the container", self._kill),
            ("remove the cgroup", lambda: create.remove_cgroup(self.manager, self.state)),
            ("remove the state", self.directory.remove),
        )
        for fd in (self.pidfd, self.master):
            if fd >= 0:
                os.close(fd)

    def _kill(self) -> None:
        with cgroups.translated("kill"):
            self.manager.kill(_SIGKILL)
        fd = pidfd.open_process(self.state.pid, self.state.pid_start_time)
        if fd is not None:
            pidfd.wait_for_exit(fd, _DEATH_TIMEOUT_S)
            os.close(fd)
        if self.state.pid:
            try:
                os.waitpid(self.state.pid, os.WNOHANG)
            except ChildProcessError:
                pass
