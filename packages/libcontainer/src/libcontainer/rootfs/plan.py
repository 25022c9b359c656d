"""From config.json to the list of what init does to its file system tree; pure: it can be printed and tested."""

from __future__ import annotations

import os

from libcgroups.record import Record
from libcontainer.errors import LibcontainerError, SpecError, SyscallError, strerror, syscall_error
from libcontainer.rootfs import cgroup, devices, mounts, operations, options
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from libcontainer.oci.spec import LinuxDevice, LinuxIDMapping, Mount, Spec
    from libcontainer.rootfs.cgroup import CgroupView
    from libcontainer.rootfs.context import Context, Operation
    from libcontainer.rootfs.mounts import BindMount
    from libcontainer.syscall import Syscall

    UsernsFd = Callable[[Sequence[LinuxIDMapping], Sequence[LinuxIDMapping]], int]

# Types whose file system has no use for a label.
_UNLABELLED = ("proc", "sysfs", "mqueue")
# type: (namespace that must be the container's own for a mount of it in a user namespace, what shows it otherwise)
_FALLBACKS = {"sysfs": ("network", "/sys"), "mqueue": ("ipc", "/dev/mqueue"), "proc": ("pid", "/proc")}


class OutsideMount(Record):
    """A bind mount that main may have to prepare, because init lacks the right to.

    Attributes:
        mount: the bind mount.
        idmap: how its ids are mapped: ``idmap``, ``ridmap`` (with what is mounted below), None for not at all.
    """

    mount: BindMount
    idmap: str | None
    uid_mappings: Sequence[LinuxIDMapping] = ()
    gid_mappings: Sequence[LinuxIDMapping] = ()


class RootfsPlan(Record):
    """Everything that makes a container's root file system, in three phases that init runs with one context.

    Attributes:
        preparing: before the createRuntime hooks: propagation, the root, mounts, devices, links.
        entering: after the createContainer hooks.
        finishing: after the working directory and the console were made: what becomes read-only or is hidden.
        outside: mounts that main must, or in a user namespace may have to, prepare before the clone.
    """

    preparing: tuple[Operation, ...]
    entering: tuple[Operation, ...]
    finishing: tuple[Operation, ...]
    outside: tuple[OutsideMount, ...] = ()

    def describe(self) -> list[str]:
        """Say what will be done, one line an operation."""
        return [operation.describe() for operation in (*self.preparing, *self.entering, *self.finishing)]

    def prepare_outside(self, syscall: Syscall, userns_fd: UsernsFd) -> dict[int, int]:
        """Prepare mounts in the main process, before the clone.

        Args:
            syscall: the kernel.
            userns_fd: makes a user namespace with the given (uid, gid) mappings; the descriptor becomes ours.

        Returns:
            Descriptors of detached mounts by their index in ``mounts``, for the context of init; the caller closes its
            own copies after the clone.

        Raises:
            SyscallError: a source is missing, or its file system cannot be idmapped.
        """
        if not self.outside:
            return {}
        from libcontainer.rootfs import outside

        return outside.prepare(self.outside, syscall, userns_fd)

    def prepare(self, context: Context) -> None:
        """Mount everything below the root; afterwards ``context.root_fd`` is the root."""
        # Modes are meant exactly as they are written in here.
        mask = context.syscall.umask(0)
        try:
            _apply(self.preparing, context)
        finally:
            context.syscall.umask(mask)

    def enter(self, context: Context) -> None:
        """Make the root ``/`` and the working directory."""
        _apply(self.entering, context)

    def finish(self, context: Context) -> None:
        """Make read-only and hide what is to be; the working directory is ``/`` afterwards."""
        _apply(self.finishing, context)
        try:
            context.syscall.fchdir(context.root_fd)
        except OSError as error:
            raise syscall_error(error, "enter the container's root", step="mount") from error


def _apply(steps: Iterable[Operation], context: Context) -> None:
    for operation in steps:
        try:
            operation.apply(context)
        except OSError as error:
            raise _explain(operation, error) from error
        except LibcontainerError as error:
            if error.property is None:
                error.property = operation.property
            raise


def _explain(operation: Operation, error: OSError) -> SyscallError:
    """Add to a refusal what was tried and for which property; a note of the place that knows more is the hint."""
    message = operation.describe()
    if error.strerror and error.errno is not None and error.strerror.lower() != strerror(error.errno).lower():
        message = f"{message}: {error.strerror}"
    notes = getattr(error, "__notes__", ())
    name = getattr(operation, "destination", None) or getattr(operation, "path", None) or error.filename
    return SyscallError(
        message,
        error.errno,
        step="mount",
        property=operation.property,
        syscall=getattr(error, "syscall", None),
        object=name if isinstance(name, str) else None,
        hint=notes[0] if notes else None,
    )


def make(
    spec: Spec,
    *,
    bundle: str,
    rootfs: str,
    user_namespace: bool,
    cgroup: CgroupView,
    no_pivot: bool = False,
    shares_mounts: bool = False,
) -> RootfsPlan:
    """Plan the root file system of a container.

    Args:
        spec: the configuration.
        bundle: absolute path of the bundle; sources of bind mounts are relative to it.
        rootfs: absolute path of the root directory, without symbolic links.
        user_namespace: init runs in a user namespace other than that of the host.
        cgroup: what a mount of type ``cgroup`` shows.
        no_pivot: move the root to ``/`` instead of pivot_root, for hosts on an initramfs.
        shares_mounts: the mount namespace is not the container's own.

    Raises:
        SpecError: a mount or device asks for what cannot be done.
    """
    if rootfs == "/":
        raise SpecError("root.path", "the root of the host cannot be a container's root")
    maker = _Maker(spec, bundle, user_namespace, cgroup)
    if shares_mounts:
        return _in_shared_namespace(rootfs, maker)
    if no_pivot:
        _load("no_pivot")
    mounting = [maker.mount(index, mount) for index, mount in enumerate(spec.mounts)]
    word = spec.linux.rootfs_propagation
    return RootfsPlan(
        preparing=(
            _first_propagation(word),
            operations.MountRoot(rootfs, private_parent=word in ("shared", "rshared")),
            *mounting,
            *maker.devices(),
        ),
        entering=(operations.Chroot(rootfs) if no_pivot else operations.PivotRoot(),),
        finishing=(*maker.read_only, *_restrictions(spec), *_last_propagation(word)),
        outside=tuple(maker.outside),
    )


def _in_shared_namespace(rootfs: str, maker: _Maker) -> RootfsPlan:
    """Plan a root without any mount, which the validated configuration does not ask for then."""
    from libcontainer.rootfs import shared_namespace

    return RootfsPlan(
        preparing=(shared_namespace.OpenRoot(rootfs), *maker.devices()),
        entering=(shared_namespace.EnterRoot(),),
        finishing=(),
    )


def _load(module: str) -> None:
    """Import what few containers need, now: init cannot import any more when it needs it."""
    __import__(f"{__package__}.{module}")


def _first_propagation(word: str | None) -> operations.SetPropagation:
    """Decide how the copies of the host's mounts behave until we let go of them.

    Slaves by default: what the host unmounts goes away here as well and is not kept busy.
    """
    first = "rslave" if word is None else f"r{word.removeprefix('r')}"
    if first == "runbindable":
        # The root is going to be bound, so it can become unbindable only at the end.
        first = "rprivate"
    return operations.SetPropagation(options.propagation_flags(first), first, word and "linux.rootfsPropagation")


def _last_propagation(word: str | None) -> list[Operation]:
    """Only these two are not what the new root has already."""
    if word is None or word.removeprefix("r") not in ("shared", "unbindable"):
        return []
    return [operations.SetPropagation(options.propagation_flags(word), word, "linux.rootfsPropagation")]


def _restrictions(spec: Spec) -> list[Operation]:
    linux = spec.linux
    steps: list[Operation] = []
    if spec.root.readonly:
        steps.append(operations.MakeReadOnly("/", "root.readonly"))
    for index, path in enumerate(linux.readonly_paths):
        name = f"linux.readonlyPaths[{index}]"
        is_root = os.path.normpath(path) == "/"
        steps.append(operations.MakeReadOnly("/", name) if is_root else operations.ReadonlyPath(path, name))
    for index, path in enumerate(linux.masked_paths):
        steps.append(operations.MaskPath(path, f"linux.maskedPaths[{index}]", linux.mount_label))
    return steps


class _Maker:
    """Plans mounts and devices of one configuration and collects what follows from them."""

    def __init__(self, spec: Spec, bundle: str, user_namespace: bool, cgroup: CgroupView) -> None:
        self._spec = spec
        self._bundle = bundle
        self._user_namespace = user_namespace
        self._cgroup = cgroup
        self._destinations: set[str] = set()
        self._dev_is_bound = False
        self.read_only: list[Operation] = []
        self.outside: list[OutsideMount] = []

    def mount(self, index: int, mount: Mount) -> Operation:
        """Plan one entry of ``mounts``."""
        name = f"mounts[{index}]"
        # Links are resolved inside the root at run time; this only takes "//", "." and ".." out of the text.
        destination = os.path.normpath("/" + mount.destination.lstrip("/"))
        if destination == "/":
            raise SpecError(f"{name}.destination", "the root itself cannot be mounted over")
        self._destinations.add(destination)
        wanted = options.parse(mount.options)
        is_bind = wanted.is_bind or mount.type in ("bind", "rbind")
        # Until the end, so that other mounts and devices find a place in it.
        is_filled = not is_bind and (mount.type == "tmpfs" or destination == "/dev")
        later = is_filled and wanted.flags & flags.MS_RDONLY != 0
        if later and not wanted.flags & flags.MS_REMOUNT:
            self.read_only.append(operations.MakeReadOnly(destination, name))
        if wanted.flags & flags.MS_REMOUNT:
            return mounts.Remount(mount.type or "none", mount.source or "none", destination, wanted, name)
        if is_bind:
            return self._bind(index, mount, destination, wanted)
        if "tmpcopyup" in wanted.special:
            _load("copy_up")
        if mount.uid_mappings or _idmap_word(wanted):
            raise SpecError(f"{name}.uidMappings", "only bind mounts can be idmapped")
        if mount.type in ("cgroup", "cgroup2"):
            return cgroup.MountCgroup(destination, wanted, self._cgroup, name)
        if not mount.type:
            raise SpecError(f"{name}.type", "a mount that is not a bind mount needs one")
        return mounts.MountFilesystem(
            fstype=mount.type,
            source=mount.source or mount.type,
            destination=destination,
            options=wanted,
            property=name,
            data=wanted.data,
            label=None if mount.type in _UNLABELLED else self._spec.linux.mount_label,
            fallback=self._fallback(mount.type),
            read_only_later=later,
        )

    def _fallback(self, fstype: str) -> str | None:
        if not self._user_namespace or fstype not in _FALLBACKS:
            return None
        namespace, path = _FALLBACKS[fstype]
        owned = any(entry.type == namespace and entry.path is None for entry in self._spec.linux.namespaces)
        return None if owned else path

    def _bind(self, index: int, mount: Mount, destination: str, wanted: options.MountOptions) -> BindMount:
        name = f"mounts[{index}]"
        if not mount.source:
            raise SpecError(f"{name}.source", "a bind mount needs one")
        if wanted.data:
            raise SpecError(f"{name}.options", f"a bind mount has no options of a file system, got {wanted.data[0]!r}")
        if mount.type == "rbind" and not wanted.is_bind:
            wanted = wanted.replace(flags=wanted.flags | flags.MS_REC)
        if destination == "/dev":
            self._dev_is_bound = True
        operation = mounts.BindMount(
            os.path.normpath(os.path.join(self._bundle, mount.source)), destination, wanted, index, name
        )
        idmap = _idmap_word(wanted) or ("idmap" if mount.uid_mappings or mount.gid_mappings else None)
        if idmap:
            self.outside.append(self._idmapped(operation, mount, idmap))
        elif self._user_namespace:
            self.outside.append(OutsideMount(operation, None))
        return operation

    def _idmapped(self, operation: BindMount, mount: Mount, word: str) -> OutsideMount:
        linux = self._spec.linux
        uid_mappings, gid_mappings = mount.uid_mappings, mount.gid_mappings
        if word.startswith("idmap="):
            from libcontainer.rootfs import outside

            uid_mappings, gid_mappings = outside.parse_mappings(word, f"{operation.property}.options")
            word = "idmap"
        elif not uid_mappings and not gid_mappings:
            uid_mappings, gid_mappings = linux.uid_mappings, linux.gid_mappings
        if not uid_mappings or not gid_mappings:
            raise SpecError(
                operation.property,
                "an idmapped mount needs both uidMappings and gidMappings, or a user namespace with them",
            )
        return OutsideMount(operation, word, uid_mappings, gid_mappings)

    def devices(self) -> list[Operation]:
        """Plan /dev; nothing if the user brought a whole one, which is not ours to change."""
        if self._dev_is_bound:
            return []
        groups: dict[str, dict[str, devices.Device]] = {
            "/dev": {device.name: device for device in devices.DEFAULT_DEVICES if device.path not in self._destinations}
        }
        for index, entry in enumerate(self._spec.linux.devices):
            device = _device(entry, f"linux.devices[{index}]")
            groups.setdefault(os.path.dirname(device.path), {})[device.name] = device
        return [
            *(
                devices.MakeDevices(directory, tuple(group.values()), bind=self._user_namespace)
                for directory, group in groups.items()
            ),
            devices.MakeLinks(ptmx="/dev/ptmx" not in self._destinations),
        ]


def _idmap_word(wanted: options.MountOptions) -> str | None:
    return next((word for word in wanted.special if word.startswith(("idmap", "ridmap"))), None)


def _device(entry: LinuxDevice, name: str) -> devices.Device:
    path = os.path.normpath("/" + entry.path.lstrip("/"))
    kind = devices.KINDS[entry.type]
    if entry.type == "p":
        number = 0
    elif entry.major is None or entry.minor is None:
        raise SpecError(name, f"a device of type {entry.type!r} needs major and minor")
    elif not (0 <= entry.major < 1 << 12 and 0 <= entry.minor < 1 << 20):
        raise SpecError(name, f"{entry.major}:{entry.minor} is not a device number")
    else:
        number = os.makedev(entry.major, entry.minor)
    if path == "/":
        raise SpecError(f"{name}.path", "a device needs a name")
    mode = 0o666 if entry.file_mode is None else entry.file_mode & 0o7777
    return devices.Device(os.path.basename(path), path, kind, number, mode, entry.uid or 0, entry.gid or 0, name)
