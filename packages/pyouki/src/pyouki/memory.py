"""To import this gives back memory: for commands that run a container's process, before they import anything else."""

from __future__ import annotations

from libcontainer.syscall.linux import give_back_libraries

give_back_libraries()
