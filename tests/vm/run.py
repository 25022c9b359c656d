"""Run a command in a throw-away Debian guest that has cgroup v2 and systemd.

    python -m tests.vm.run [options] [--] COMMAND [ARG...]

The guest is Debian 12 with Debian's own kernel: pure cgroup v2, systemd as PID 1, D-Bus, AppArmor, runc, crun,
Podman, Docker (its daemon does not run yet), and an ordinary user "tester" whose systemd user session is up. The
current directory is copied into it at the same path, COMMAND runs there (as root, or as "tester" with --user), its
stdout and stderr come back as they are written, and this program ends with its exit status. Every run starts from the
same saved state and leaves nothing behind in it.

The first run installs what it needs (qemu-system-x86, mmdebstrap, e2fsprogs), builds the image, boots it once and saves
the running machine (memory and disk). Later runs resume that machine, so they do not wait for a boot.

What goes in and out:
  in    the current directory (see --exclude), the environment variables named with --env, and stdin with --stdin
  out   stdout, stderr, the exit status, and with --out DIR whatever COMMAND leaves in $VMRUN_OUT
  What COMMAND changes in the tree is not copied back.

Exit status: COMMAND's own; 124 after --timeout; 125 when the guest could not be built or run.
Needs root, apt and pip for the build only.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import signal
import sys
import tarfile
import tempfile
import threading
import time
from typing import IO

from tests.vm import image as images
from tests.vm import machine as machines
from tests.vm.errors import Failure, Unresponsive, say
from tests.vm.machine import Machine

# Compiled files go in: a host with the same Python has then done the guest's compiling.
EXCLUDE = (".git", ".venv", "venv", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")
MAX_TREE_BYTES = 512 << 20  # refuse to copy more than this: surely the wrong directory


class Chunks:
    """A file object that sends what tarfile writes to it to the agent."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def write(self, data: bytes) -> int:
        """Send a piece."""
        self._machine.send(b"T", bytes(data))
        return len(data)


def send_tree(machine: Machine, tree: str | None, exclude: set[str], owner: int) -> None:
    """Send a directory as tar; None sends an empty one."""
    total = 0

    def keep(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        nonlocal total
        if os.path.basename(info.name) in exclude or not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
            return None
        total += info.size
        if total > MAX_TREE_BYTES:
            raise Failure(f"{tree} is larger than {MAX_TREE_BYTES >> 20} MiB; see --exclude, --no-tree")
        info.uid = info.gid = owner
        info.uname = info.gname = ""
        return info

    # The stub wants all of a file; a stream is only written to.
    with tarfile.open(fileobj=Chunks(machine), mode="w|", bufsize=1 << 16) as tar:  # type: ignore[call-overload]
        if tree:
            tar.add(tree, ".", filter=keep)
    machine.send(b"E")


def forward_stdin(machine: Machine) -> None:
    """Send our stdin until it ends."""
    while True:
        data = os.read(0, 65536)
        try:
            machine.send(b"I", data)
        except (Failure, OSError):
            return
        if not data:
            return


def run_command(options: argparse.Namespace, machine: Machine) -> int:
    """Let the agent run the command; return its exit status."""
    deadline = time.monotonic() + options.timeout if options.timeout else None
    cwd = os.getcwd()
    request = {
        "argv": options.command,
        "cwd": cwd if options.tree else "/root",
        "time": time.time(),
        "seed": os.urandom(64).hex(),
        "user": "tester" if options.user else "root",
        "env": dict(options.env),
        "stdin": options.stdin,
        "out": bool(options.out),
    }
    machine.send(b"R", json.dumps(request).encode())
    message = machine.receive(time.monotonic() + 60)
    if message is None or message[0] != b"a":
        raise Unresponsive("the guest does not answer: " + machine.why())
    send_tree(machine, cwd if options.tree else None, set(options.exclude), 1000 if options.user else 0)
    if options.stdin:
        threading.Thread(target=forward_stdin, args=(machine,), daemon=True).start()
    with tempfile.TemporaryFile() as returned:
        status = relay(machine, deadline, returned)
        if status is None:
            say(f"timed out after {options.timeout} s")
            return 124
        if options.out and returned.tell():
            returned.seek(0)
            os.makedirs(options.out, exist_ok=True)
            with tarfile.open(fileobj=returned) as tar:
                # Debian's 3.11.2 knows no filters yet, and needs none: the guest is ours.
                tar.extraction_filter = getattr(tarfile, "data_filter", None)
                tar.extractall(options.out)
    return status


def relay(machine: Machine, deadline: float | None, returned: IO[bytes]) -> int | None:
    """Pass on what comes from the agent; return the exit status, None at the deadline."""
    outputs = {b"o": sys.stdout.buffer, b"e": sys.stderr.buffer, b"t": returned}
    while (message := machine.receive(deadline)) is not None:
        kind, data = message
        if kind == b"x":
            return int(data)
        if kind in outputs:
            outputs[kind].write(data)
            outputs[kind].flush()
    return None


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="tests.vm.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--kvm", dest="accel", action="store_const", const="kvm", help="use /dev/kvm")
    group.add_argument("--tcg", dest="accel", action="store_const", const="tcg", help="emulate the processor")
    parser.add_argument("--user", action="store_true", help='run COMMAND as "tester", in its systemd user session')
    parser.add_argument("--out", metavar="DIR", help="copy the guest's $VMRUN_OUT to DIR afterwards")
    parser.add_argument("--env", metavar="NAME[=VALUE]", action="append", default=[], help="pass a variable")
    parser.add_argument("--stdin", action="store_true", help="pass stdin on to COMMAND")
    parser.add_argument(
        "--exclude", metavar="NAME", action="append", default=list(EXCLUDE), help="leave out files of this name"
    )
    parser.add_argument("--no-tree", dest="tree", action="store_false", help="do not copy the current directory")
    parser.add_argument("--timeout", type=float, default=0, metavar="S", help="give up on COMMAND after S seconds")
    parser.add_argument("--cold", action="store_true", help="boot instead of resuming the saved machine")
    parser.add_argument("--boot-timeout", type=float, default=600, metavar="S")
    parser.add_argument("--mem", type=int, default=2048, metavar="MIB")
    parser.add_argument("--cpus", type=int, default=2)
    cache = os.environ.get("PYOUKI_VM_CACHE", "/var/cache/pyouki-vm")
    parser.add_argument("--cache", type=pathlib.Path, default=cache, metavar="DIR", help="where images are kept")
    parser.add_argument("--rebuild", action="store_true", help="build the image anew (newer packages)")
    parser.add_argument("--verbose", "-v", action="store_true", help="show QEMU's command line and the times")
    help_text = "without one, only build and save the machine"
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help=help_text)
    options = parser.parse_args(argv)
    if options.command[:1] == ["--"]:
        options.command = options.command[1:]
    options.env = [each.split("=", 1) if "=" in each else (each, os.environ.get(each, "")) for each in options.env]
    if options.accel is None:
        # A /dev/kvm without one of these modules suits only kernels made for it, and would interpret Debian's.
        has_hardware = any(os.path.isdir(f"/sys/module/kvm_{vendor}") for vendor in ("intel", "amd"))
        options.accel = "kvm" if has_hardware and os.access("/dev/kvm", os.R_OK | os.W_OK) else "tcg"
    # Where KVM works a boot takes seconds, and a saved machine would suit one processor only.
    options.cold |= options.accel == "kvm"
    return options


def digest(*things: object) -> str:
    """Return a short name for a content."""
    return hashlib.sha256(json.dumps(things, sort_keys=True).encode()).hexdigest()[:16]


def prepare(options: argparse.Namespace) -> tuple[pathlib.Path, pathlib.Path]:
    """Build the image and save the machine where that was not done before; return the directories of both.

    There is one image per content, and one saved machine per image, QEMU and shape of the machine.
    """
    image = options.cache / f"image-{digest(images.ingredients())}"
    qemu = images.run("qemu-system-x86_64", "--version")
    shape = [qemu, options.mem, options.cpus, machines.MACHINE, machines.EMULATED_CPU, machines.CMDLINE]
    saved = image / f"saved-{digest(shape)}"
    ready = image / "root.img" if options.cold else saved / "state"
    if ready.exists() and not options.rebuild:
        return image, saved
    options.cache.mkdir(parents=True, exist_ok=True)
    with (options.cache / "lock").open("w") as lock:  # several runs may start at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if options.rebuild or not (image / "root.img").exists():
            new = pathlib.Path(tempfile.mkdtemp(prefix="new-", dir=options.cache))
            try:
                new.chmod(0o755)
                images.build(new)
                shutil.rmtree(image, ignore_errors=True)
                new.rename(image)
            finally:
                shutil.rmtree(new, ignore_errors=True)
        if not options.cold and not (saved / "state").exists():
            new = image / "saved-new"
            machines.save(options, image, new)
            shutil.rmtree(saved, ignore_errors=True)
            new.rename(saved)
    return image, saved


def run_once(options: argparse.Namespace, image: pathlib.Path, saved: pathlib.Path) -> int:
    """Run the command in a fresh machine."""
    if options.cold:
        machine = machines.boot(options, image, image / "root.img")
    else:
        machine = Machine(options, image, saved / "disk", ram=saved / "ram", resume=True)
    try:
        if not options.cold:
            machine.resume(saved / "state")
        return run_command(options, machine)
    finally:
        machine.close()


def main(argv: list[str]) -> int:
    """Do all of it."""
    options = parse_arguments(argv)
    if options.tree and os.getcwd() == "/":
        raise Failure("not copying / into the guest; change directory or use --no-tree")
    images.install_host_packages()
    image, saved = prepare(options)
    if not options.command:
        return 0
    for _ in range(2):
        try:
            return run_once(options, image, saved)
        except Unresponsive as error:
            say(f"trying again: {error}")
    return run_once(options, image, saved)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that QEMU is ended too
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as error:
        say(str(error))
        sys.exit(125)
    except KeyboardInterrupt:
        sys.exit(130)
