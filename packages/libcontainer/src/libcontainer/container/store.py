"""The directory of one container, ``ROOT/ID``, and of all of them; not what the container is made of.

``mkdir ROOT/ID`` is the lock on the id: of two creators, the one who gets EEXIST loses. ``flock`` on ``ROOT/ID/lock``
is the lock on changes; the kernel drops it with its holder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time

from libcontainer.container import state as state_module
from libcontainer.errors import (
    ContainerBusyError,
    ContainerExistsError,
    ContainerNotFoundError,
    InvalidIDError,
    StateFileError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.container.state import ContainerState

STATE_FILE = "state.json"
CONFIG_FILE = "config.json"
NOTIFY_SOCKET = "notify.sock"
NOTIFY_DIRECTORY = "notify"
LOCK_FILE = "lock"
LOCK_TIMEOUT_S = 10.0

_REMOVE_ATTEMPTS = 100
_READ_SIZE = 64 * 1024  # malloc(3) takes more from the kernel, and gives it back, each time
_ID_MAX = 255  # NAME_MAX of every file system we know
_ID_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-")
_ID_REST = _ID_FIRST | {"."}


def check_id(container_id: str) -> str:
    """Return the id if it is a name: letters, digits, ``_ + - .``, no leading dot, at most 255 bytes.

    Raises:
        InvalidIDError: it is not.
    """
    if not container_id:
        raise InvalidIDError("container id cannot be empty", hint="give the container a name")
    if container_id[0] not in _ID_FIRST or not _ID_REST.issuperset(container_id) or len(container_id) > _ID_MAX:
        raise InvalidIDError(
            f"invalid container ID format: {container_id!r}",
            object=container_id,
            hint="allowed are letters, digits and _ + - . (not first), at most 255 characters",
        )
    return container_id


class ContainerDirectory:
    """``ROOT/ID`` of one container.

    Attributes:
        id: the container's name.
        root: the directory of all containers.
        path: ``ROOT/ID``.
    """

    def __init__(self, root: str, container_id: str) -> None:
        self.root = root
        self.id = check_id(container_id)
        self.path = f"{root}/{container_id}"
        self._lock = -1

    def make(self) -> None:
        """Take the id: make the directory, and the root if it is missing; the container is locked from here on.

        Raises:
            ContainerExistsError: somebody has it.
            StateFileError: the directory cannot be made.
        """
        make_root(self.root)
        try:
            os.mkdir(self.path, 0o711)
            os.chmod(self.path, 0o711)  # whatever the umask
        except FileExistsError:
            raise ContainerExistsError(
                f"container with given ID already exists: {self.id}", object=self.id, hint="delete it, or take another"
            ) from None
        except OSError as error:
            raise _cannot("make", self.path, error) from error
        try:
            self.lock()
        except BaseException:
            os.rmdir(self.path)
            raise

    def require(self) -> None:
        """Raise ContainerNotFoundError unless the container exists."""
        try:
            os.close(os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC))
        except OSError:
            raise ContainerNotFoundError(
                f"container {self.id!r} does not exist",
                object=self.id,
                hint=f"list shows the containers in {self.root}",
            ) from None

    def lock(self, timeout_s: float = LOCK_TIMEOUT_S) -> None:
        """Become the only one who changes the container.

        Raises:
            ContainerBusyError: another command did not finish in time.
            ContainerNotFoundError: the container was deleted meanwhile.
        """
        deadline = time.monotonic() + timeout_s
        pause_s = 0.001
        while True:
            try:
                fd = os.open(f"{self.path}/{LOCK_FILE}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except FileNotFoundError:
                self.require()
                raise ContainerNotFoundError(f"container {self.id!r} does not exist", object=self.id) from None
            except OSError as error:
                raise _cannot("open", f"{self.path}/{LOCK_FILE}", error) from error
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(fd)
                if error.errno != errno.EWOULDBLOCK:
                    raise _cannot("lock", self.path, error) from error
            else:
                if os.fstat(fd).st_nlink:
                    self._lock = fd
                    return
                os.close(fd)  # its holder deleted the container
            if time.monotonic() >= deadline:
                raise ContainerBusyError(
                    f"container {self.id!r} is busy: another command is changing it", object=self.id
                )
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.05)

    def unlock(self) -> None:
        """Let others change the container; does nothing when it is not locked."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def drop_lock(self) -> None:
        """Close a child's copy of the lock; the object, which it may share with its parent, is left as it is."""
        if self._lock >= 0:
            os.close(self._lock)

    def is_being_changed(self) -> bool:
        """Tell whether another command holds the lock just now."""
        try:
            fd = os.open(f"{self.path}/{LOCK_FILE}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(fd)
        return False

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the directory completely or not at all, mode 0600."""
        path = f"{self.path}/{name}"
        temporary = f"{self.path}/.{name}"
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                written = 0
                while written < len(content):
                    written += os.write(fd, content[written:])
            finally:
                os.close(fd)
            os.rename(temporary, path)
        except OSError as error:
            raise _cannot("write", path, error) from error

    def has(self, name: str) -> bool:
        """Tell whether there is a file in the directory."""
        try:
            os.lstat(f"{self.path}/{name}")
        except OSError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """Read a file of the directory.

        Raises:
            StateFileError: it is missing or cannot be read.
        """
        path = f"{self.path}/{name}"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                parts = []
                while part := os.read(fd, _READ_SIZE):
                    parts.append(part)
            finally:
                os.close(fd)
        except OSError as error:
            raise _cannot("read", path, error) from error
        return b"".join(parts)

    def save(self, state: ContainerState) -> None:
        """Replace state.json."""
        self.write(STATE_FILE, state_module.to_json(state).encode())

    def load(self) -> ContainerState:
        """Read state.json.

        Raises:
            ContainerNotFoundError: there is no such container.
            StateFileError: the state is missing or garbled.
        """
        self.require()
        return state_module.from_json(self.read(STATE_FILE), f"{self.path}/{STATE_FILE}")

    def remove(self) -> None:
        """Remove the directory; state.json goes last, so that an interrupted removal can be repeated.

        Others may be removing it too, or waiting for the lock: they make that file anew when they find it gone.
        """
        attempts = _REMOVE_ATTEMPTS
        while True:
            try:
                self._remove_files()
                os.rmdir(self.path)
            except FileNotFoundError:
                break
            except OSError as error:
                attempts -= 1
                if error.errno != errno.ENOTEMPTY or not attempts:
                    raise _cannot("remove", self.path, error) from error
            else:
                break
        self.unlock()

    def _remove_files(self) -> None:
        last = (LOCK_FILE, STATE_FILE)
        names = sorted(os.listdir(self.path), key=lambda name: last.index(name) if name in last else -1)
        for name in names:
            path = f"{self.path}/{name}"
            try:
                os.unlink(path)
            except IsADirectoryError:
                if name == NOTIFY_DIRECTORY:
                    for inner in os.listdir(path):
                        os.unlink(f"{path}/{inner}")
                os.rmdir(path)
            except FileNotFoundError:
                pass


def make_root(root: str) -> None:
    """Make the directory of all containers, mode 0700, and what is missing above it."""
    if os.path.isdir(root):
        return
    make = os.mkdir if os.path.isdir(os.path.dirname(root)) else os.makedirs
    try:
        make(root, 0o700)
    except OSError as error:
        if not os.path.isdir(root):  # another command may have made it meanwhile
            raise _cannot("make", root, error) from error


def list_ids(root: str) -> list[str]:
    """Return the names of all containers, sorted; none if the root does not exist."""
    try:
        names = os.listdir(root)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _cannot("list", root, error) from error
    return sorted(name for name in names if name[0] != "." and os.path.isdir(f"{root}/{name}"))


def _cannot(action: str, path: str, error: OSError) -> StateFileError:
    hint = None
    if error.errno == errno.ENOSPC:
        hint = "make room on the file system of --root, or choose another with --root"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "choose a directory that you may write with --root"
    elif error.errno in (errno.EEXIST, errno.ENOTDIR):
        hint = "choose a directory with --root"
    return StateFileError(f"{action} {path}", error.errno, object=path, hint=hint)
