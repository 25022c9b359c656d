"""Containers as objects, for programs that are no container runtime themselves: ``from libcontainer import Container``.

Everything may be called from any thread. What needs fork(2) is done by an engine, a process of its own for each handle;
the rest is done right here.
"""

from __future__ import annotations

import os
import select
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self

from libcontainer import cgroups, pidfd, signals, stdio_capture, user_ns
from libcontainer.container import exit_status, kill, pause, status, store, update
from libcontainer.container.state import CREATED, CREATING, PAUSED, RUNNING, STOPPED
from libcontainer.engine.client import Engine
from libcontainer.errors import (
    ContainerNotFoundError,
    ContainerStatusError,
    LibcontainerError,
    SyscallError,
    TimeoutExpiredError,
)
from libcontainer.oci import decode, json_text, load
from libcontainer.oci.validate import validate_process
from libcontainer.process.exec import ExecOptions
from libcontainer.process.plan import CreateOptions
