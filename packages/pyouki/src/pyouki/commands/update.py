"""update: change the limits of a container."""

from __future__ import annotations

from libcontainer import log
from libcontainer.container.store import ContainerDirectory
from libcontainer.container.update import ResctrlSchemas, update
from pyouki import resource_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from liboci_cli.update import Update
    from pyouki.main import Environment


def run(options: Update, environment: Environment) -> int:
    """Change what the options name, or what the file of --resources names and nothing else."""
    if options.kernel_memory is not None or options.kernel_memory_tcp is not None:
        log.warning("Kernel memory settings are ignored and will be removed")  # the words of runc
    if options.resources is not None:
        resources, schemas = resource_options.read(options.resources), None
    else:
        resources = resource_options.of(options)
        schemas = None
        if options.l3_cache_schema is not None or options.mem_bw_schema is not None:
            schemas = ResctrlSchemas(options.l3_cache_schema, options.mem_bw_schema)
    directory = ContainerDirectory(environment.root, options.container_id)
    directory.require()
    directory.lock()
    update(directory, resources, schemas)
    return 0
