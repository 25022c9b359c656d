"""Explaining why the container's program could not be executed, execve(2); runs on the host after the attempt failed.

The kernel's errno does not tell a missing program from a missing interpreter or loader. The files are read through a
descriptor of the container's root, never by a host path. Nothing here runs when all goes well.
"""

from __future__ import annotations

import errno
import os
import stat

from libcontainer import errors
from libcontainer.syscall import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.syscall import Syscall

_DEPTH_LIMIT = 5  # the kernel's own limit of interpreters that are scripts, fs/exec.c
_LINE_LIMIT = 256  # BINPRM_BUF_SIZE: the kernel reads no more of a #! line


def explain(syscall: Syscall, root_fd: int, path: str, number: int, cwd: str = "/") -> errors.ExecutableError:
    """Return the error for a failed execve(2), with what is wrong in its hint where that can be found out.

    ``root_fd`` is the container's root directory, from /proc/PID/root or the bundle. ``path`` is what was executed.
    ``number`` is the errno of execve. ``cwd`` is the process's working directory, for a relative path.
    """
    try:
        hint = _hint(syscall, root_fd, os.path.join(cwd, path), number, 0)
    except OSError as error:
        hint = f"{error.filename or path} cannot be inspected: {errors.strerror(error.errno or errno.EIO)}"
    return errors.ExecutableError(
        f"exec {path}", number, step="exec", property="process.args[0]", syscall="execve", object=path, hint=hint
    )


def _hint(syscall: Syscall, root_fd: int, path: str, number: int, depth: int) -> str | None:
    try:
        fd = _open(syscall, root_fd, path, os.O_PATH)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return f"{path} is not in the container"
        if error.errno == errno.ELOOP:
            return f"{path} leads through too many symbolic links, or through a magic link of /proc"
        raise
    try:
        mode = os.fstat(fd).st_mode
        mount_flags = os.fstatvfs(fd).f_flag
    finally:
        os.close(fd)
    if stat.S_ISDIR(mode):
        return f"{path} is a directory"
    if not stat.S_ISREG(mode):
        return f"{path} is not a regular file"
    if number == errno.EACCES:
        return _why_forbidden(path, mode, mount_flags)
    if number == errno.ETXTBSY:
        return f"{path} is open for writing in some process"
    if number == errno.E2BIG:
        return "process.args and process.env are too long together"
    return _why_not_loadable(syscall, root_fd, path, number, depth)


def _why_forbidden(path: str, mode: int, mount_flags: int) -> str:
    if mount_flags & os.ST_NOEXEC:
        return f"{path} is on a file system that is mounted noexec"
    if not mode & 0o111:
        return f"{path} has no execute permission, see chmod(1)"
    return f"the user of the process may not execute {path} (mode {stat.S_IMODE(mode):04o}), or its interpreter"


def _why_not_loadable(syscall: Syscall, root_fd: int, path: str, number: int, depth: int) -> str | None:
    fd = _open(syscall, root_fd, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return f"{path} changes while it is looked at"
        start = os.read(fd, _LINE_LIMIT)
        if not start:
            return f"{path} is empty"
        if start.startswith(b"#!"):
            return _why_script(syscall, root_fd, path, start, number, depth)
        if start.startswith(b"\x7fELF"):
            return _why_elf(syscall, root_fd, path, fd)
        return f"{path} is neither an ELF program nor a script with a #! line"
    finally:
        os.close(fd)


def _why_script(syscall: Syscall, root_fd: int, path: str, start: bytes, number: int, depth: int) -> str | None:
    line = start.split(b"\n", 1)[0][2:].strip(b" \t")
    interpreter = os.fsdecode(line.replace(b"\t", b" ").split(b" ", 1)[0])
    if not interpreter:
        return f"the #! line of {path} names no interpreter"
    if interpreter.endswith("\r"):
        return f"the #! line of {path} ends with a carriage return: save the script with Unix line ends"
    if depth >= _DEPTH_LIMIT:
        return f"the interpreters of {path} are scripts in turn, too many times"
    told = f"the interpreter of script {path}"
    if not _exists(syscall, root_fd, interpreter):
        return f"{told}, {interpreter}, is not in the container"
    reason = _hint(syscall, root_fd, interpreter, number, depth + 1)
    return None if reason is None else f"{told}: {reason}"


def _why_elf(syscall: Syscall, root_fd: int, path: str, fd: int) -> str | None:
    """Read an ELF file with pyelftools, which takes 50 ms to import."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.descriptions import describe_e_machine
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import InterpSegment

    with os.fdopen(os.dup(fd), "rb") as file:
        try:
            elf = ELFFile(file)
            machine = elf["e_machine"]
            loaders = [part for part in elf.iter_segments("PT_INTERP") if isinstance(part, InterpSegment)]
            loader = loaders[0].get_interp_name() if loaders else None
        except (ELFError, UnicodeDecodeError, OverflowError, ValueError, KeyError, OSError) as error:
            return f"{path} is a damaged ELF program: {error or type(error).__name__}"
    host = os.uname().machine
    if isinstance(machine, int) or host not in _HOSTS_OF.get(machine, (host,)):
        return f"{path} is built for {describe_e_machine(machine)}, this machine is {host}"
    if loader is not None and not _exists(syscall, root_fd, loader):
        return f"{path} is dynamically linked, and its loader {loader} is not in the container"
    return None


_HOSTS_OF: dict[object, tuple[str, ...]] = {
    "EM_X86_64": ("x86_64",),
    "EM_386": ("x86_64", "i386", "i486", "i586", "i686"),
    "EM_AARCH64": ("aarch64",),
    "EM_ARM": ("aarch64", "armv6l", "armv7l", "armv8l"),
    "EM_RISCV": ("riscv64", "riscv32"),
    "EM_S390": ("s390x", "s390"),
    "EM_PPC64": ("ppc64", "ppc64le"),
    "EM_PPC": ("ppc", "ppc64"),
    "EM_MIPS": ("mips", "mips64"),
    "EM_LOONGARCH": ("loongarch64",),
}
"""The machines, as uname(2) names them, that run programs of an architecture; others are not judged."""


def _exists(syscall: Syscall, root_fd: int, path: str) -> bool:
    try:
        os.close(_open(syscall, root_fd, path, os.O_PATH))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return False
        raise
    return True


def _open(syscall: Syscall, root_fd: int, path: str, access: int) -> int:
    return syscall.openat2(
        root_fd, path, access | os.O_CLOEXEC, resolve=flags.RESOLVE_IN_ROOT | flags.RESOLVE_NO_MAGICLINKS
    )
