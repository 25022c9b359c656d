"""Names of units and where systemd puts their cgroups; systemd.unit(5), systemd.slice(5)."""

from __future__ import annotations

from libcgroups import errors

#: The prefix of a unit when the configuration names no path.
DEFAULT_PREFIX = "pyouki"

_MAX_UNIT_BYTES = 255
_UNIT_CHARACTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")


class CgroupsPathError(errors.PathError):
    """``linux.cgroupsPath`` is not of the form that the systemd driver needs."""


def parse_cgroups_path(path: str, container_name: str, default_slice: str) -> tuple[str, str]:
    """Return the unit and the slice above it.

    Args:
        path: ``SLICE:PREFIX:NAME``; the unit is ``PREFIX-NAME.scope``, ``NAME.scope`` if the prefix is empty, and NAME
            itself if that ends in ``.slice``. Empty: one is made up of the container's name.
        container_name: the container's id.
        default_slice: for an empty SLICE.

    Raises:
        CgroupsPathError: another form, or names that systemd would not take.
    """
    parts = path.split(":", 2) if path else ["", DEFAULT_PREFIX, container_name]
    if len(parts) != 3:
        raise CgroupsPathError(
            f"cgroup path {path!r}: expected slice:prefix:name for the systemd driver",
            path=path,
            hint="use a path such as system.slice:docker:ID, or the cgroupfs driver (no --systemd-cgroup)",
        )
    slice_name, prefix, name = parts
    unit = name if name.endswith(".slice") else f"{prefix}-{name}.scope" if prefix else f"{name}.scope"
    _check_unit(unit, path)
    if unit.endswith(".slice"):
        expand_slice(unit)
    slice_name = slice_name or default_slice
    expand_slice(slice_name)
    return unit, slice_name


def _check_unit(unit: str, path: str) -> None:
    if not unit.rpartition(".")[0] or len(unit) > _MAX_UNIT_BYTES or not _UNIT_CHARACTERS.issuperset(unit):
        raise CgroupsPathError(
            f"cgroup path {path!r}: {unit!r} is not the name of a unit",
            path=path,
            hint="a unit name has up to 255 letters, digits and :-_.\\@",
        )


def expand_slice(slice_name: str) -> str:
    """Return the cgroup of a slice: ``a-b.slice`` is ``/a.slice/a-b.slice``, and ``-.slice`` is the root, empty.

    Raises:
        CgroupsPathError: not the name of a slice.
    """
    stem = slice_name.removesuffix(".slice")
    if stem == "-" and slice_name == "-.slice":
        return ""
    steps = stem.split("-")
    if stem == slice_name or not all(steps) or not _UNIT_CHARACTERS.issuperset(slice_name):
        raise CgroupsPathError(f"slice {slice_name!r}: not the name of a slice", path=slice_name)
    return "".join(f"/{'-'.join(steps[:count])}.slice" for count in range(1, len(steps) + 1))
