"""Bundles for tests and examples, without an image or a registry; not for production, where images come from engines.

::

    with Bundle.from_busybox(["sleep", "1000"]) as bundle:
        container = Container.create(bundle.path)
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any, Self

from libcgroups.detect import CgroupSetup, read_mounts
from libcontainer.oci.default import default_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

_APPLETS = """
    [ awk basename cat chmod chown cp cut date dd df dirname du echo env expr false find free grep head hostname id
    ifconfig ip kill killall ln ls mkdir mkfifo mknod mktemp mount mv nc nohup nproc od ping printf ps pwd readlink
    realpath rm rmdir sed seq setsid sh sleep sort stat stty sync tail tar tee test timeout touch tr true tty umount
    uname uniq vi wc wget which whoami xargs yes
"""
_DIRECTORIES = ("bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "sys", "tmp", "usr", "var")
_HOST_DIRECTORIES = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr")
_ACCOUNTS = {"passwd": "root:x:0:0:root:/root:/bin/sh\n", "group": "root:x:0:\n"}


class Bundle:
    """A directory with a root file system and a config.json; as a context manager it removes the directory.

    Attributes:
        path: the directory.
        config: the configuration as the JSON object it is; call ``write`` after a change.
    """

    def __init__(self, path: str, config: dict[str, Any]) -> None:
        """Take over a directory; programs use the other constructors."""
        self.path = path
        self.config = config

    @classmethod
    def from_busybox(cls, args: Sequence[str] = ("sh",), path: str | os.PathLike[str] | None = None) -> Self:
        """Make a bundle of the host's statically linked busybox.

        Args:
            args: the program of the container and its arguments.
            path: a directory that does not exist; None makes a temporary one.

        Raises:
            FileNotFoundError: busybox is not installed.
        """
        program = shutil.which("busybox")
        if program is None:
            raise FileNotFoundError("busybox is not installed: it is in the package busybox-static")
        bundle = cls._make(args, path)
        shutil.copy(program, bundle.inside("bin/busybox"))
        for applet in _APPLETS.split():
            os.symlink("busybox", bundle.inside(f"bin/{applet}"))
        return bundle

    @classmethod
    def from_host(cls, args: Sequence[str], path: str | os.PathLike[str] | None = None) -> Self:
        """Make a bundle that shows the programs and libraries of the host, read-only, and nothing else of it.

        Args:
            args: the program of the container and its arguments.
            path: a directory that does not exist; None makes a temporary one.
        """
        bundle = cls._make(args, path)
        for directory in _HOST_DIRECTORIES:
            place = bundle.inside(directory)
            if os.path.islink(directory):  # a merged /usr
                if os.path.isdir(place):
                    os.rmdir(place)
                os.symlink(os.readlink(directory), place)
            elif os.path.isdir(directory):
                os.makedirs(place, exist_ok=True)
                bundle.config["mounts"].append(
                    {
                        "destination": directory,
                        "type": "bind",
                        "source": directory,
                        "options": ["rbind", "ro", "nosuid", "nodev"],
                    }
                )
        bundle.write()
        return bundle

    @classmethod
    def _make(cls, args: Sequence[str], path: str | os.PathLike[str] | None) -> Self:
        if path is None:
            place = tempfile.mkdtemp(prefix="bundle-")
        else:
            place = os.path.abspath(path)
            os.mkdir(place)
        config = default_spec(rootless=os.geteuid() != 0, cgroup2=read_mounts().setup == CgroupSetup.UNIFIED)
        bundle = cls(place, config)
        process = bundle.config["process"]
        process["terminal"] = False
        process["args"] = list(args)
        bundle.config["root"]["readonly"] = False
        for directory in _DIRECTORIES:
            os.makedirs(bundle.inside(directory))
        os.chmod(bundle.inside("tmp"), 0o1777)  # as every /tmp
        for name, text in _ACCOUNTS.items():
            with open(bundle.inside(f"etc/{name}"), "w", encoding="ascii") as file:
                file.write(text)
        bundle.write()
        return bundle

    @property
    def rootfs(self) -> str:
        """The root file system on the host."""
        return os.path.join(self.path, "rootfs")

    def inside(self, path: str) -> str:
        """Return the host's path of a file of the root file system; symbolic links are not resolved."""
        return os.path.join(self.rootfs, path.lstrip("/"))

    def write(self) -> None:
        """Write config.json."""
        with open(os.path.join(self.path, "config.json"), "w", encoding="utf-8") as file:
            json.dump(self.config, file, indent=2)

    def remove(self) -> None:
        """Remove the directory with everything in it."""
        shutil.rmtree(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()
