"""Bundles for the tests: a busybox root file system and a config.json; not a generator for real images."""

from __future__ import annotations

import copy
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

_BASE_CONFIG = os.path.join(os.path.dirname(__file__), "config.json")
_CONFIGS = Path(__file__).parents[2] / "packages/libcontainer/tests/data/configs"
_APPLETS = """
    [ awk cat chmod chown cp cut date dd df echo egrep env expr false find grep head hostname id ifconfig ip kill
    ln ls mkdir mkfifo mknod mount mountpoint mv nproc od printf ps pwd readlink realpath rm rmdir sed seq sh sleep
    sort stat stty sync tail tee test touch tr true tty umount uname uniq wc which xargs yes
"""
_DIRECTORIES = ("bin", "dev", "etc", "home/alice", "mnt", "proc", "root", "sys", "tmp", "usr/bin", "var")
_PASSWD = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\n"
_GROUP = "root:x:0:\nalice:x:1000:\nplugdev:x:46:alice\n"


class RootfsTemplate:
    """The root file system every bundle copies: the host's static busybox and a few links.

    The programs are hard links to one file, so a copy costs a millisecond. A test that wants to change a program
    replaces it; it never writes to it.
    """

    def __init__(self, directory: str, probe: str | None) -> None:
        self.directory = directory
        busybox = shutil.which("busybox")
        if busybox is None:
            raise FileNotFoundError("busybox is not installed: apt-get install busybox-static")
        os.mkdir(directory)
        shutil.copy(busybox, os.path.join(directory, "busybox"))
        if probe is not None:
            shutil.copy(probe, os.path.join(directory, "probe"))

    def copy_to(self, target: str) -> None:
        """Make a root file system at ``target``, which must not exist."""
        for name in _DIRECTORIES:
            os.makedirs(os.path.join(target, name))
        for name in os.listdir(self.directory):
            os.link(os.path.join(self.directory, name), os.path.join(target, "bin", name))
        for applet in _APPLETS.split():
            os.symlink("busybox", os.path.join(target, "bin", applet))
        os.chmod(os.path.join(target, "tmp"), 0o1777)
        _write(os.path.join(target, "etc/passwd"), _PASSWD)
        _write(os.path.join(target, "etc/group"), _GROUP)


class Bundle:
    """A bundle directory, its config as a dict that may be changed, and what it held when it was made."""

    def __init__(self, directory: str, container_id: str, config: Json) -> None:
        self.directory = directory
        self.id = container_id
        self.config = config
        self.made: frozenset[str] = frozenset()

    @property
    def rootfs(self) -> str:
        """The root file system on the host."""
        return os.path.join(self.directory, "rootfs")

    def inside(self, path: str) -> str:
        """Return the host's path of a file of the root file system (no symbolic link is resolved)."""
        return os.path.join(self.rootfs, path.lstrip("/"))

    def put(self, path: str, text: str, mode: int = 0o644) -> str:
        """Write a file into the root file system, replacing what is there, and return its path on the host."""
        target = self.inside(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            os.unlink(target)
        _write(target, text)
        os.chmod(target, mode)
        return target

    def write(self) -> None:
        """Write config.json and remember the entries of the bundle."""
        _write(os.path.join(self.directory, "config.json"), json.dumps(self.config, indent=1))
        self.made = frozenset(os.listdir(self.directory))

    def new_entries(self) -> list[str]:
        """Return what appeared in the bundle directory since ``write``."""
        return sorted(frozenset(os.listdir(self.directory)) - self.made)


def base_config() -> Json:
    """Return what ``runc spec`` writes, without a terminal."""
    with open(_BASE_CONFIG, encoding="utf-8") as file:
        config: Json = json.load(file)
    return copy.deepcopy(config)


def as_docker(config: Json, name: str = "docker-28.5-default") -> None:
    """Replace a config by one that Docker wrote, without the files of its container; program and cgroup stay."""
    theirs: Json = json.loads((_CONFIGS / f"{name}.json").read_text())
    theirs["process"]["args"] = config["process"]["args"]
    theirs["ociVersion"] = config["ociVersion"]  # crun 1.8 does not know that of the newer one
    theirs["root"] = {"path": "rootfs"}
    theirs["mounts"] = [mount for mount in theirs["mounts"] if mount["type"] != "bind"]
    del theirs["linux"]["cgroupsPath"]
    if "cgroupsPath" in config["linux"]:
        theirs["linux"]["cgroupsPath"] = config["linux"]["cgroupsPath"]
    config.clear()
    config.update(theirs)


def make(
    directory: str,
    container_id: str,
    template: RootfsTemplate,
    cgroups_path: str | None,
    args: list[str],
    mutate: Callable[[Json], object] | None = None,
) -> Bundle:
    """Make a bundle.

    Args:
        cgroups_path: linux.cgroupsPath; None leaves it to the runtime.
        mutate: changes the config in place before it is written.
    """
    os.mkdir(directory)
    config = base_config()
    config["process"]["args"] = args
    if cgroups_path is not None:
        config["linux"]["cgroupsPath"] = cgroups_path
    bundle = Bundle(directory, container_id, config)
    template.copy_to(bundle.rootfs)
    if mutate is not None:
        mutate(config)
    bundle.write()
    return bundle


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
