"""The guest's end of the virtio-serial port: runs inside the guest, as a service, on Debian's own Python.

Messages both ways are one type byte, four bytes of length (big endian) and the payload:

===== ============ =========================================================
type  from         payload
===== ============ =========================================================
``k`` guest        ready: JSON with the state of systemd
``R`` host         the request, JSON: argv, cwd, time, seed, user, env, stdin, out
``a`` guest        the request was understood
``T`` host         a piece of the tree as tar; any other type ends it
``I`` host         a piece of stdin; an empty one ends it
``o`` guest        a piece of stdout
``e`` guest        a piece of stderr
``t`` guest        a piece of what was left in $VMRUN_OUT, as tar
``x`` guest        the exit status, decimal
===== ============ =========================================================
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import json
import os
import pwd
import struct
import subprocess
import threading
import time
from typing import IO, Any

_PORT = os.open(glob.glob("/dev/vport*p1")[0], os.O_RDWR)
_LOCK = threading.Lock()
_RNDRESEEDCRNG = 0x5207
_OUT = "/out"
_WARM_UP = (
    "python3 -m pytest -q -p no:cacheprovider /opt/vm-run/test_warm_up.py",
    "runc --version",
    "crun --version",
    "systemd-run --pipe --wait --quiet true",
    "runuser -u tester -- env XDG_RUNTIME_DIR=/run/user/1000 systemd-run --user --pipe --wait --quiet true",
    "tar -c -C / etc/hostname",
    "unshare -Ur true; busctl list; jq --version",
)


def receive(size: int) -> bytes:
    """Return the next ``size`` bytes from the host."""
    data = b""
    while len(data) < size:
        chunk = os.read(_PORT, size - len(data))
        if not chunk:  # nobody is at the host's end: the machine is being saved
            time.sleep(0.02)
        data += chunk
    return data


def get() -> tuple[bytes, bytes]:
    """Return type and payload of the next message."""
    kind, size = struct.unpack(">cI", receive(5))
    return kind, receive(size)


def put(kind: bytes, data: bytes = b"") -> None:
    """Send a message."""
    with _LOCK:
        data = struct.pack(">cI", kind, len(data)) + data
        while data:
            data = data[os.write(_PORT, data) :]


def feed(pipe: IO[bytes], kind: bytes) -> None:
    """Write messages of one type into a pipe, until another type or an empty one comes."""
    while True:
        got, data = get()
        if got != kind or not data:
            break
        with contextlib.suppress(OSError):  # the reader is gone; go on emptying the port
            pipe.write(data)
            pipe.flush()
    with contextlib.suppress(OSError):
        pipe.close()


def pump(pipe: IO[bytes], kind: bytes) -> None:
    """Send what comes out of a pipe."""
    while chunk := os.read(pipe.fileno(), 65536):
        put(kind, chunk)


def settle(request: dict[str, Any]) -> None:
    """Tell a resumed machine what it slept through: the time, and to draw new random numbers."""
    time.clock_settime(time.CLOCK_REALTIME, request["time"])
    fd = os.open("/dev/urandom", os.O_RDWR)
    os.write(fd, bytes.fromhex(request["seed"]))
    fcntl.ioctl(fd, _RNDRESEEDCRNG)
    os.close(fd)


def unpack_tree(cwd: str, user: pwd.struct_passwd) -> None:
    """Make the directories and fill them with the tree that the host sends."""
    os.umask(0o022)
    for directory in (cwd, _OUT):
        os.makedirs(directory, exist_ok=True)
        os.chown(directory, user.pw_uid, user.pw_gid)
    untar = subprocess.Popen(["tar", "-x", "-p", "-C", cwd], stdin=subprocess.PIPE)
    assert untar.stdin is not None
    feed(untar.stdin, b"T")
    if untar.wait():
        raise RuntimeError("the tree could not be unpacked")


def environment(request: dict[str, Any], user: pwd.struct_passwd) -> dict[str, str]:
    """Return the environment of the command."""
    env = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PYTHONUNBUFFERED": "1",
        "VMRUN": "1",
        "VMRUN_OUT": _OUT,
    }
    if user.pw_uid:
        runtime = f"/run/user/{user.pw_uid}"
        env |= {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
    env.update(request["env"])
    return env


def in_user_session(argv: list[str], cwd: str, env: dict[str, str], user: pwd.struct_passwd) -> list[str]:
    """Let the user's own manager start a command: inside the user's delegated cgroup, as after a login."""
    parent = os.path.dirname(cwd)
    while parent != "/":  # let the user reach the tree
        os.chmod(parent, os.stat(parent).st_mode | 0o011)
        parent = os.path.dirname(parent)
    # The manager would expand "$"; and sh gives 127 for a missing command.
    command = [word.replace("$", "$$") for word in ["/bin/sh", "-c", 'exec "$@"', "sh", *argv]]
    return [
        *["runuser", "-u", user.pw_name, "--", "systemd-run", "--user", "--quiet", "--pipe", "--wait", "--collect"],
        *["-p", "Delegate=yes", "--service-type=exec", f"--working-directory={cwd}"],
        *[f"--setenv={name}={value}" for name, value in env.items()],
        "--",
        *command,
    ]


def serve(request: dict[str, Any]) -> int:
    """Carry out a request and return the exit status."""
    put(b"a")
    settle(request)
    user, cwd = pwd.getpwnam(request["user"]), request["cwd"]
    unpack_tree(cwd, user)
    env = environment(request, user)
    argv = in_user_session(request["argv"], cwd, env, user) if user.pw_uid else request["argv"]
    stdin = subprocess.PIPE if request["stdin"] else subprocess.DEVNULL
    try:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        put(b"e", f"vm: {argv[0]}: {error.strerror}\n".encode())
        return 127 if isinstance(error, FileNotFoundError) else 126
    pumps = [
        threading.Thread(target=pump, args=arguments, daemon=True)
        for arguments in ((child.stdout, b"o"), (child.stderr, b"e"))
    ]
    for thread in pumps:
        thread.start()
    if request["stdin"]:
        threading.Thread(target=feed, args=(child.stdin, b"I"), daemon=True).start()
    code = child.wait()
    for thread in pumps:
        thread.join(2)  # a daemon left behind may hold the pipes
    if request["out"]:
        tar = subprocess.Popen(["tar", "-c", "-C", _OUT, "."], stdout=subprocess.PIPE)
        assert tar.stdout is not None
        pump(tar.stdout, b"t")
    return code if code >= 0 else 128 - code


def become_ready() -> str:
    """Wait for the end of the boot and the user's session; bring into memory what most runs will read."""
    state = ""
    for _ in range(3000):
        command = ["systemctl", "is-system-running"]
        state = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if state in ("running", "degraded") and os.path.exists("/run/user/1000/bus"):
            break
        time.sleep(0.1)
    with open("/proc/cmdline") as file:
        is_to_be_saved = "vm-run.warm" in file.read().split()
    for line in _WARM_UP if is_to_be_saved else ():
        subprocess.run(line, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    os.sync()
    return state


def main() -> None:
    """Serve requests, one after the other, for ever."""
    put(b"k", json.dumps({"state": become_ready()}).encode())
    while True:
        kind, data = get()
        if kind != b"R":
            continue
        try:
            code = serve(json.loads(data))
        except Exception as error:  # noqa: BLE001 - whatever it is, the host must hear of it
            put(b"e", f"vm agent: {type(error).__name__}: {error}\n".encode())
            code = 125
        put(b"x", str(code).encode())


if __name__ == "__main__":
    main()
