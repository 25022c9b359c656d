"""One run of CRIU for a container: its program, its directories, and what its log says when it fails."""

from __future__ import annotations

import os

from libcgroups.record import Record
from libcontainer.criu import CONFIG_ANNOTATION, rpc
from libcontainer.errors import CriuError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from libcontainer.criu.rpc import Answer, Message, Notified

LEAST_VERSION = 31500
"""3.15, the first whose answers and options are those used here."""

_CONFIG_FILES = ("/etc/criu/pyouki.conf", "/etc/criu/runc.conf")
_LOG_LEVEL = 4
_MOST_LINES = 5
_NAMES = {rpc.DUMP: "dump", rpc.PRE_DUMP: "dump", rpc.RESTORE: "restore"}
_CGROUP_MODES = {"ignore": 0, "soft": 3, "full": 4, "strict": 5}
_NETWORK_LOCKS = {"iptables": 1, "nftables": 2, "skip": 3}
_CLONE_NEWNET = 0x40000000


class CriuOptions(Record):
    """What is asked for of a checkpoint and of a restore alike; the words are CRIU's.

    Attributes:
        image_path: directory of the images, made for a checkpoint if it is missing.
        work_path: directory of CRIU's log, None for that of the images.
        manage_cgroups_mode: soft, full, strict or ignore; None is soft.
        network_lock: iptables, nftables or skip; None leaves it to CRIU.
        empty_network: the network namespace is there, but what is in it is neither saved nor restored.
    """

    image_path: str
    work_path: str | None = None
    tcp_established: bool = False
    ext_unix_sk: bool = False
    shell_job: bool = False
    file_locks: bool = False
    lazy_pages: bool = False
    auto_dedup: bool = False
    manage_cgroups_mode: str | None = None
    network_lock: str | None = None
    empty_network: bool = False


class Operation:
    """A dump, pre-dump or restore; ``close`` when done.

    Attributes:
        options: fields of criu_opts; those that every operation has are there.
        inherited: descriptors that the options name by number.
    """

    def __init__(self, kind: int, image_path: str, work_path: str | None) -> None:
        """Open the directories, and make them for a dump.

        Raises:
            CriuError: criu is not installed, or a directory cannot be used.
        """
        self._kind = kind
        self._name = _NAMES[kind]
        self._program = find()
        makes = kind != rpc.RESTORE
        self._images = _open_directory(image_path, makes)
        try:
            self._work = _open_directory(work_path or image_path, makes=True)
        except BaseException:
            os.close(self._images)
            raise
        self._paths = {self._images: os.path.abspath(image_path), self._work: os.path.abspath(work_path or image_path)}
        self._log = f"{os.path.abspath(work_path or image_path)}/{self._name}.log"
        self.inherited: list[int] = []
        self.options: Message = [
            (rpc.Options.images_dir_fd, self._images),
            (rpc.Options.work_dir_fd, self._work),
            (rpc.Options.log_level, _LOG_LEVEL),
            (rpc.Options.log_file, f"{self._name}.log"),
            (rpc.Options.notify_scripts, True),
        ]

    def close(self) -> None:
        """Close the directories."""
        os.close(self._images)
        os.close(self._work)

    def add_flags(self, flags: Mapping[int, bool]) -> None:
        """Add the boolean options that are asked for."""
        self.options += [(field, True) for field, is_set in flags.items() if is_set]

    def add(self, options: CriuOptions, annotations: Mapping[str, str]) -> None:
        """Add what the options say, and the file with more of them that an annotation or the host names."""
        self.add_flags(
            {
                rpc.Options.tcp_established: options.tcp_established,
                rpc.Options.ext_unix_sk: options.ext_unix_sk,
                rpc.Options.shell_job: options.shell_job,
                rpc.Options.file_locks: options.file_locks,
                rpc.Options.lazy_pages: options.lazy_pages,
                rpc.Options.auto_dedup: options.auto_dedup,
                # The terminal's master is the engine's, or ours.
                rpc.Options.orphan_pts_master: True,
            }
        )
        mode = _CGROUP_MODES[options.manage_cgroups_mode or "soft"]
        self.options += [(rpc.Options.manage_cgroups, True), (rpc.Options.manage_cgroups_mode, mode)]
        if options.network_lock is not None:
            self.options.append((rpc.Options.network_lock, _NETWORK_LOCKS[options.network_lock]))
        if options.empty_network:
            self.options.append((rpc.Options.empty_namespaces, _CLONE_NEWNET))
        path = _config_file(annotations)
        if path:
            self.options.append((rpc.Options.config_file, path))

    def write(self, name: str, content: bytes) -> None:
        """Write a file beside the images."""
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600, dir_fd=self._images)
        try:
            os.write(fd, content)
        finally:
            os.close(fd)

    def read(self, name: str) -> bytes:
        """Read a file beside the images."""
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._images)
        with open(fd, "rb") as file:
            return file.read()

    def perform(
        self,
        *,
        features: Iterable[tuple[int, str]] = (),
        prepare: Callable[[], None] | None = None,
        before: Callable[[int], None] | None = None,
        notified: Notified | None = None,
    ) -> Answer:
        """Do it.

        Args:
            features: what CRIU and the kernel must have, with what is said if they have not.
            prepare: called in the process that becomes criu, to enter a mount namespace.
            before: called with criu's pid before it is asked.
            notified: called on notifications.

        Raises:
            CriuError: it failed; the reasons are taken from CRIU's log.
        """
        worker = rpc.Worker(self._program, self.inherited, prepare)
        try:
            _check_version(worker.version(), self._program)
            for number, complaint in features:
                if not worker.has_feature(number):
                    raise CriuError(complaint, object=self._program, hint="criu check --all tells what is missing")
            if prepare is not None:
                self._reopen(worker.pid)
            if before is not None:
                before(worker.pid)
            return worker.request(self._kind, self.options, notified)
        except rpc.Refused as error:
            raise CriuError(
                f"criu {self._name} failed: {'; '.join(self._reasons()) or error}",
                error.errno or None,
                step=self._name,
                object=self._log,
                hint=f"see {self._log}",
            ) from None
        finally:
            worker.close()

    def _reopen(self, criu: int) -> None:
        """Replace the directories by the same in criu's mount namespace: it mounts below its working directory.

        It takes them from this process, /proc/PID/fd of whoever made the socket, not from what it has inherited.
        """
        for fd, path in self._paths.items():
            opened = os.open(f"/proc/{criu}/root{path}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            os.dup2(opened, fd, inheritable=False)
            os.close(opened)

    def _reasons(self) -> list[str]:
        """Return the first errors of CRIU's log, without times and places in its source."""
        try:
            fd = os.open(f"{self._name}.log", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._work)
        except OSError:
            return []
        with open(fd, encoding="utf-8", errors="replace") as lines:
            # Where CAP_SYS_RESOURCE is missing every run begins with that one, and goes on.
            found = [line.partition("Error (")[2] for line in lines if "Error (" in line and "rlimit:" not in line]
        return [line.partition("): ")[2].strip() or line.strip() for line in found[:_MOST_LINES]]


def find() -> str:
    """Return where criu is installed.

    Raises:
        CriuError: nowhere in PATH or the usual places.
    """
    directories = [*os.environ.get("PATH", "").split(":"), "/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/usr/bin"]
    for directory in directories:
        path = os.path.join(directory, "criu")
        if directory.startswith("/") and os.access(path, os.X_OK):
            return path
    raise CriuError("criu: executable file not found in $PATH", object="criu", hint="install criu, 3.15 or newer")


def _check_version(version: int, program: str) -> None:
    if version < LEAST_VERSION:
        text = f"{version // 10000}.{version // 100 % 100}.{version % 100}"
        raise CriuError(f"criu {text} is too old", object=program, hint="install criu, 3.15 or newer")


def _config_file(annotations: Mapping[str, str]) -> str:
    if CONFIG_ANNOTATION in annotations:
        return annotations[CONFIG_ANNOTATION]
    return next((path for path in _CONFIG_FILES if os.path.exists(path)), "")


def _open_directory(path: str, makes: bool) -> int:
    try:
        if makes:
            os.makedirs(path, 0o700, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        hint = "--image-path and --work-path name directories"
        raise CriuError(f"open {path}", error.errno, object=path, hint=hint) from None
