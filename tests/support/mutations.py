"""Changes to a config.json, to be passed as ``mutate``; each returns a function of the config."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.bundle import Json

    Mutation = Callable[[Json], object]

CAPABILITY_SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")


def every(*mutations: Mutation) -> Mutation:
    """Apply several changes in order."""
    return lambda config: [mutation(config) for mutation in mutations]


def top(**properties: object) -> Mutation:
    """Set properties of the top level."""
    return lambda config: config.update(properties)


def process(**properties: object) -> Mutation:
    """Set properties of ``process``."""
    return lambda config: config["process"].update(properties)


def linux(**properties: object) -> Mutation:
    """Set properties of ``linux``."""
    return lambda config: config["linux"].update(properties)


def resources(**properties: object) -> Mutation:
    """Set properties of ``linux.resources``."""
    return lambda config: config["linux"]["resources"].update(properties)


def writable_root(config: Json) -> None:
    """Leave the root file system writable."""
    config["root"]["readonly"] = False


def without_namespace(*kinds: str) -> Mutation:
    """Share a namespace with the host."""

    def mutate(config: Json) -> None:
        spaces = config["linux"]["namespaces"]
        spaces[:] = [space for space in spaces if space["type"] not in kinds]

    return mutate


def namespace(kind: str, path: str | None = None) -> Mutation:
    """Add a namespace, or join one, instead of what the config says of that type."""

    def mutate(config: Json) -> None:
        without_namespace(kind)(config)
        config["linux"]["namespaces"].append({"type": kind} if path is None else {"type": kind, "path": path})

    return mutate


def mount(destination: str, source: str, *options: str, fstype: str = "bind") -> Mutation:
    """Append a mount; a bind mount needs ``bind`` or ``rbind`` among its options."""
    entry = {"destination": destination, "type": fstype, "source": source, "options": list(options)}
    return lambda config: config["mounts"].append(entry)


def without_mount(destination: str) -> Mutation:
    """Remove a mount and those below it."""

    def mutate(config: Json) -> None:
        mounts = config["mounts"]
        mounts[:] = [entry for entry in mounts if not f"{entry['destination']}/".startswith(f"{destination}/")]

    return mutate


def capabilities(*names: str, sets: tuple[str, ...] = ("bounding", "effective", "permitted")) -> Mutation:
    """Set capabilities, all others to none."""
    return process(capabilities={kind: list(names) if kind in sets else [] for kind in CAPABILITY_SETS})


def user_namespace(host_id: int = 100000, size: int = 65536) -> Mutation:
    """Add a user namespace whose root is ``host_id``."""
    mappings = [{"containerID": 0, "hostID": host_id, "size": size}]
    return every(namespace("user"), linux(uidMappings=mappings, gidMappings=mappings))


def hook(kind: str, *args: str, env: list[str] | None = None, timeout: int | None = None) -> Mutation:
    """Append a hook; ``args[0]`` is also its path."""
    entry: Json = {"path": args[0], "args": list(args)}
    if env is not None:
        entry["env"] = env
    if timeout is not None:
        entry["timeout"] = timeout
    return lambda config: config.setdefault("hooks", {}).setdefault(kind, []).append(entry)
