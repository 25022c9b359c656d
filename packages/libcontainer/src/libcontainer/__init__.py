"""Create, enter and control OCI containers from Python, also from programs with threads.

Everything is imported on first use; what is listed in ``__all__`` is the public interface::

    from libcontainer import Container

    with Container.create("/path/of/a/bundle") as container:
        container.start()
        print(container.exec(["id"], capture_output=True).stdout)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from libcontainer.builder import ContainerBuilder, InitContainerBuilder, TenantContainerBuilder
    from libcontainer.container.state import ContainerState as State
    from libcontainer.errors import (
        CgroupsError,
        ContainerBusyError,
        ContainerExistsError,
        ContainerNotFoundError,
        ContainerStatusError,
        CriuError,
        ExecutableError,
        HookError,
        InvalidIDError,
        LibcontainerError,
        ProcessDiedError,
        SpecError,
        StateFileError,
        SyscallError,
        TimeoutExpiredError,
    )
    from libcontainer.executed import ExecResult, ExecSettings, Process
    from libcontainer.executor import Executor
    from libcontainer.handle import Container, ContainerStatus, default_root
    from libcontainer.oci.load import load as load_spec
    from libcontainer.oci.spec import Spec
    from libcontainer.oci.validate import validate as validate_spec

# Where each name is defined, and what it is called there if not the same; without the package's own name.
_HOME = {
    "CgroupsError": ("errors", "CgroupsError"),
    "Container": ("handle", "Container"),
    "ContainerBuilder": ("builder", "ContainerBuilder"),
    "ContainerBusyError": ("errors", "ContainerBusyError"),
    "ContainerExistsError": ("errors", "ContainerExistsError"),
    "ContainerNotFoundError": ("errors", "ContainerNotFoundError"),
    "ContainerStatus": ("handle", "ContainerStatus"),
    "ContainerStatusError": ("errors", "ContainerStatusError"),
    "ExecResult": ("executed", "ExecResult"),
    "ExecSettings": ("executed", "ExecSettings"),
    "CriuError": ("errors", "CriuError"),
    "ExecutableError": ("errors", "ExecutableError"),
    "Executor": ("executor", "Executor"),
    "HookError": ("errors", "HookError"),
    "InitContainerBuilder": ("builder", "InitContainerBuilder"),
    "InvalidIDError": ("errors", "InvalidIDError"),
    "LibcontainerError": ("errors", "LibcontainerError"),
    "Process": ("executed", "Process"),
    "ProcessDiedError": ("errors", "ProcessDiedError"),
    "Spec": ("oci.spec", "Spec"),
    "SpecError": ("errors", "SpecError"),
    "State": ("container.state", "ContainerState"),
    "StateFileError": ("errors", "StateFileError"),
    "SyscallError": ("errors", "SyscallError"),
    "TenantContainerBuilder": ("builder", "TenantContainerBuilder"),
    "TimeoutExpiredError": ("errors", "TimeoutExpiredError"),
    "default_root": ("handle", "default_root"),
    "load_spec": ("oci.load", "load"),
    "validate_spec": ("oci.validate", "validate"),
}

__all__ = [
    "CgroupsError",
    "Container",
    "ContainerBuilder",
    "ContainerBusyError",
    "ContainerExistsError",
    "ContainerNotFoundError",
    "ContainerStatus",
    "ContainerStatusError",
    "CriuError",
    "ExecResult",
    "ExecSettings",
    "ExecutableError",
    "Executor",
    "HookError",
    "InitContainerBuilder",
    "InvalidIDError",
    "LibcontainerError",
    "Process",
    "ProcessDiedError",
    "Spec",
    "SpecError",
    "State",
    "StateFileError",
    "SyscallError",
    "TenantContainerBuilder",
    "TimeoutExpiredError",
    "default_root",
    "load_spec",
    "validate_spec",
]


def __getattr__(name: str) -> object:
    """Import a public name on its first use."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, inner = home
    value: object = getattr(__import__(f"{__name__}.{module}", None, None, (inner,)), inner)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
