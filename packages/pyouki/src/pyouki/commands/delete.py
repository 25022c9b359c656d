"""delete: remove a container and everything that was made for it."""

from __future__ import annotations

import os

from libcontainer import log, syscall
from libcontainer.container import delete
from libcontainer.container.store import ContainerDirectory
from libcontainer.errors import ContainerBusyError, ContainerNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.delete import Delete
    from pyouki.main import Environment


def run(options: Delete, environment: Environment) -> int:
    """Delete the container, or each whose id matches; with --force an unknown one is no error."""
    if os.isatty(2):
        from pyouki.progress import Progress

        with Progress(f"delete {options.container_id}"):
            return _run(options, environment)
    return _run(options, environment)


def _run(options: Delete, environment: Environment) -> int:
    if options.regex:
        from pyouki import matching

        return matching.for_each(
            environment, options.container_id, lambda directory: _delete(directory, force=options.force)
        )
    try:
        _delete(ContainerDirectory(environment.root, options.container_id), force=options.force)
    except ContainerNotFoundError:
        if not options.force:
            raise
    return 0


def _delete(directory: ContainerDirectory, *, force: bool) -> None:
    directory.require()
    try:
        directory.lock()
    except ContainerBusyError as error:
        if not force:
            raise
        log.warning("%s; deleting it all the same", error)
    delete.delete(syscall.linux, directory, force=force)
