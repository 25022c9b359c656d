"""Rules of ``process``: command, environment, limits; scheduling has a module of its own."""

from __future__ import annotations

from libcontainer.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from libcontainer.oci.spec import Process, Rlimit

_MAX_TERMINAL_SIZE = 2**16 - 1


def faults(process: Process, at: str) -> Iterator[SpecError]:
    """Find every fault of a process, whose path in the document is ``at``."""
    if not process.cwd.startswith("/"):
        yield SpecError(f"{at}.cwd", "Cwd must be an absolute path")
    if not process.args:
        yield SpecError(f"{at}.args", "args must not be empty")
    elif "\0" in "".join(process.args) or "\0" in process.cwd:
        yield SpecError(f"{at}.args", "args and cwd must not hold a NUL character")
    yield from _environment(process.env, f"{at}.env")
    if process.rlimits:
        yield from _rlimits(process.rlimits, f"{at}.rlimits")
    if process.terminal and process.console_size is not None:
        for name in ("height", "width"):
            if getattr(process.console_size, name) > _MAX_TERMINAL_SIZE:
                yield SpecError(f"{at}.consoleSize.{name}", f"expected at most {_MAX_TERMINAL_SIZE}")
    if process.scheduler is not None or process.exec_cpu_affinity is not None:
        from libcontainer.oci.validate import scheduling

        yield from scheduling.faults(process, at)


def _environment(env: Sequence[str], at: str) -> Iterator[SpecError]:
    for index, entry in enumerate(env):
        # The value is never shown: it may be a secret.
        name, equals, _ = entry.partition("=")
        if not equals:
            yield SpecError(f"{at}[{index}]", f"invalid environment variable {name[:80]!r}: missing '='")
        elif not name:
            yield SpecError(f"{at}[{index}]", "invalid environment variable: name cannot be empty")
        elif "\0" in entry:
            yield SpecError(f"{at}[{index}]", f"invalid environment variable {name[:80]!r}: holds a NUL character")


def _rlimits(rlimits: Sequence[Rlimit], at: str) -> Iterator[SpecError]:
    seen: set[str] = set()
    for index, rlimit in enumerate(rlimits):
        if rlimit.type in seen:
            yield SpecError(f"{at}[{index}].type", f"duplicated rlimit {rlimit.type}")
        seen.add(rlimit.type)
        if rlimit.soft > rlimit.hard:
            yield SpecError(
                f"{at}[{index}].soft", f"soft limit {rlimit.soft} of {rlimit.type} exceeds the hard limit {rlimit.hard}"
            )
