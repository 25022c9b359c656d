"""One QEMU process: started, saved, resumed, talked to; what is said to its agent is ``run``'s business."""

from __future__ import annotations

import contextlib
import json
import pathlib
import select
import shlex
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any

from tests.vm import image as images
from tests.vm.errors import Failure, say

if TYPE_CHECKING:
    import argparse

# mitigations, init_on_alloc: speed under emulation. nowatchdog, rcu stall: a busy host is not a bug of the guest.
CMDLINE = (
    "console=ttyS0 quiet panic=-1 mitigations=off init_on_alloc=0 nowatchdog "
    "rcupdate.rcu_cpu_stall_suppress=1 apparmor=1 security=apparmor "
    "systemd.unified_cgroup_hierarchy=1 systemd.show_status=0"
)
MACHINE = "q35"  # microvm boots a little faster but hangs now and then under emulation
EMULATED_CPU = "Nehalem"  # x86-64-v2: no AVX, which is slow to emulate

_SAVE_TIMEOUT_S = 120


class Machine:
    """One QEMU process: its agent's port, its monitor (QMP), its console log."""

    def __init__(
        self,
        options: argparse.Namespace,
        image: pathlib.Path,
        disk: pathlib.Path,
        *,
        ram: pathlib.Path | None = None,
        keep: bool = False,
        resume: bool = False,
    ) -> None:
        """Start it.

        Args:
            options: of the command line: accel, mem, cpus, verbose.
            image: directory with kernel and initrd.
            disk: the root disk.
            ram: a file that is the guest's memory.
            keep: write to disk and memory file; else both are only the starting point and stay as they are.
            resume: wait for ``resume`` instead of booting.
        """
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="vm-run-"))
        self._console = self._directory / "console.log"
        self._agent, agent_far = socket.socketpair()
        self._monitor, monitor_far = socket.socketpair()
        fds = (agent_far.fileno(), monitor_far.fileno())
        argv = self._argv(options, image, disk, ram, fds, keep=keep) + (["-incoming", "defer"] if resume else [])
        if options.verbose:
            say(shlex.join(argv))
        self._errors = (self._directory / "qemu.err").open("w+")
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            pass_fds=fds,
            start_new_session=True,
        )
        agent_far.close()
        monitor_far.close()
        self._answers = self._monitor.makefile("r")
        try:
            self._answers.readline()  # greeting
            self.command("qmp_capabilities")
        except BaseException:
            self.close()
            raise

    def _argv(
        self,
        options: argparse.Namespace,
        image: pathlib.Path,
        disk: pathlib.Path,
        ram: pathlib.Path | None,
        fds: tuple[int, int],
        *,
        keep: bool,
    ) -> list[str]:
        emulated = ["-accel", "tcg,thread=multi,tb-size=512", "-cpu", EMULATED_CPU]
        accel = ["-accel", "kvm", "-cpu", "host"] if options.accel == "kvm" else emulated
        size = f"{options.mem}M"
        share, snapshot, warm = ("on", "off", " vm-run.warm") if keep else ("off", "on", "")
        memory = f"memory-backend-file,id=ram,size={size},mem-path={ram},share={share}"
        return [
            *["setpriv", "--pdeathsig", "KILL", "--"],  # QEMU must not outlive us
            *["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
            *[*accel, "-m", size, "-smp", str(options.cpus), *(["-object", memory] if ram else [])],
            *["-machine", MACHINE + (",memory-backend=ram" if ram else "")],
            *["-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd"), "-append", CMDLINE + warm],
            *["-drive", f"file={disk},format=raw,if=none,id=disk,cache=unsafe,snapshot={snapshot}"],
            *["-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"],
            *["-chardev", f"socket,id=agent,fd={fds[0]}", "-device", "virtserialport,chardev=agent,name=vm-run"],
            *["-chardev", f"socket,id=qmp,fd={fds[1]}", "-mon", "chardev=qmp,mode=control"],
            *["-serial", f"file:{self._console}"],
        ]

    def command(self, name: str, **arguments: object) -> dict[str, Any]:
        """Send a command to the monitor and return its answer."""
        request = {"execute": name} | ({"arguments": arguments} if arguments else {})
        with contextlib.suppress(ConnectionError):
            self._monitor.sendall(json.dumps(request).encode() + b"\n")
            for line in self._answers:
                answer = json.loads(line)  # events come between the answers
                if "error" in answer:
                    raise Failure(f"QEMU refused {name}: {answer['error']['desc']}")
                if "return" in answer:
                    return dict(answer["return"])
        raise Failure("QEMU ended: " + self.why())

    def why(self) -> str:
        """Return what QEMU and the console said last."""
        self._errors.flush()
        console = self._console.read_text(errors="replace") if self._console.exists() else ""
        return (self._directory / "qemu.err").read_text()[-2000:] + "\nconsole:\n" + console[-3000:]

    def save(self, state: pathlib.Path) -> None:
        """Write the devices' state to a file; the memory is a file already."""
        self._migrate("migrate", f"exec:cat > {shlex.quote(str(state))}")

    def resume(self, state: pathlib.Path) -> None:
        """Go on from a saved state."""
        self._migrate("migrate-incoming", f"exec:cat {shlex.quote(str(state))}")

    def _migrate(self, command: str, uri: str) -> None:
        self.command("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])
        self.command(command, uri=uri)
        deadline = time.monotonic() + _SAVE_TIMEOUT_S
        while time.monotonic() < deadline:
            status = self.command("query-migrate").get("status")
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise Failure("QEMU could not save or load its state: " + self.why())
            time.sleep(0.02)
        raise Failure("timed out while saving or loading the machine's state")

    def quit(self) -> None:
        """End the machine and wait for it."""
        self.command("quit")
        self._process.wait(60)

    def send(self, kind: bytes, data: bytes = b"") -> None:
        """Send a message to the agent."""
        try:
            self._agent.sendall(struct.pack(">cI", kind, len(data)) + data)
        except ConnectionError:
            raise Failure("the guest ended early: " + self.why()) from None

    def receive(self, deadline: float | None) -> tuple[bytes, bytes] | None:
        """Return the agent's next message, or None at the deadline."""
        head = self._exactly(5, deadline)
        if head is None:
            return None
        kind, size = struct.unpack(">cI", head)
        body = self._exactly(size, deadline)
        return None if body is None else (kind, body)

    def _exactly(self, size: int, deadline: float | None) -> bytes | None:
        data = b""
        while len(data) < size:
            left = deadline - time.monotonic() if deadline else None
            if (left is not None and left <= 0) or not select.select([self._agent], [], [], left)[0]:
                return None
            try:
                chunk = self._agent.recv(size - len(data))
            except ConnectionError:
                chunk = b""
            if not chunk:
                raise Failure("the guest ended early: " + self.why())
            data += chunk
        return data

    def close(self) -> None:
        """Kill it: nothing in it is worth a clean shutdown."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for each in (self._answers, self._monitor, self._agent, self._errors):
            each.close()
        shutil.rmtree(self._directory, ignore_errors=True)


def boot(
    options: argparse.Namespace,
    image: pathlib.Path,
    disk: pathlib.Path,
    *,
    ram: pathlib.Path | None = None,
    keep: bool = False,
) -> Machine:
    """Return a machine booted from its disk, with the agent ready."""
    machine = Machine(options, image, disk, ram=ram, keep=keep)
    try:
        message = machine.receive(time.monotonic() + options.boot_timeout)
        if message is None or message[0] != b"k":
            raise Failure(f"the guest was not up after {options.boot_timeout} s: {machine.why()}")
    except BaseException:
        machine.close()
        raise
    state = json.loads(message[1])["state"]
    if state != "running":
        say(f"note: the guest's systemd says {state!r}")
    return machine


def save(options: argparse.Namespace, image: pathlib.Path, saved: pathlib.Path) -> None:
    """Boot once and leave disk, memory and state in a directory."""
    say("booting once, to save the running machine")
    for attempt in range(3):
        shutil.rmtree(saved, ignore_errors=True)
        saved.mkdir()
        # cp keeps the holes; the machine's disk must not change after it is saved.
        images.run("cp", "--sparse=always", "--reflink=auto", str(image / "root.img"), str(saved / "disk"))
        with (saved / "ram").open("wb") as file:
            file.truncate(options.mem << 20)
        try:
            machine = boot(options, image, saved / "disk", ram=saved / "ram", keep=True)
        except Failure as error:
            say(f"boot {attempt + 1} of 3 failed: {error}")
            continue
        try:
            machine.save(saved / "state")
            machine.quit()
        finally:
            machine.close()
        return
    raise Failure("the guest does not boot")
