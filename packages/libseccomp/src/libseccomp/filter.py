"""Build a seccomp filter, load it into this process or export it; not for answering notifications.

A `Filter` owns a libseccomp context; use it in a ``with`` block or call `Filter.close`.
"""

from __future__ import annotations

import errno
import os

from libseccomp import constants, library
from libseccomp._libseccomp import ffi, lib
from libseccomp.errors import InvalidArgument, SeccompError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal, Self

    from libseccomp._libseccomp import CData

_ARGUMENTS = 6
_MAX_DATUM = 0xFFFF_FFFF_FFFF_FFFF


class Condition:
    """A comparison of one argument of a system call, all 64 bits, unsigned; immutable.

    Attributes:
        index: which argument, 0 to 5.
        op: one of `constants.COMPARISONS`.
        value: what to compare with; for MASKED_EQ the mask.
        value_two: for MASKED_EQ what the masked argument must be; otherwise unused.
    """

    __slots__ = ("index", "op", "value", "value_two")
    index: int
    op: int
    value: int
    value_two: int

    def __init__(self, index: int, op: int, value: int, value_two: int = 0) -> None:
        given = (index, op, value, value_two)
        if not 0 <= index < _ARGUMENTS:
            raise InvalidArgument("Condition", given, "a system call has the arguments 0 to 5")
        if op not in constants.COMPARISONS.values():
            raise InvalidArgument("Condition", given, "no such comparison")
        if not (0 <= value <= _MAX_DATUM and 0 <= value_two <= _MAX_DATUM):
            raise InvalidArgument("Condition", given, "values are unsigned and have 64 bits")
        if value_two and op != constants.MASKED_EQ:
            raise InvalidArgument("Condition", given, "only MASKED_EQ takes a second value")
        for name, one in zip(self.__slots__, given, strict=True):
            object.__setattr__(self, name, one)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Condition is frozen: cannot set {name!r}")

    def _key(self) -> tuple[int, int, int, int]:
        return self.index, self.op, self.value, self.value_two

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Condition) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Condition({self.index}, {self.op}, {self.value:#x}, {self.value_two:#x})"

    def matches(self, argument: int) -> bool:
        """Say whether the kernel would find this condition true of an argument; for explanations and tests."""
        if self.op == constants.MASKED_EQ:
            return argument & self.value == self.value_two
        return {
            constants.NE: argument != self.value,
            constants.LT: argument < self.value,
            constants.LE: argument <= self.value,
            constants.EQ: argument == self.value,
            constants.GE: argument >= self.value,
            constants.GT: argument > self.value,
        }[self.op]


class _Attribute:
    """A numeric attribute of a filter, seccomp_attr_set(3)."""

    def __init__(self, number: int, documentation: str) -> None:
        self._number = number
        self.__doc__ = documentation

    def __get__(self, owner: Filter | None, _: type[Filter] | None = None) -> int:
        if owner is None:
            raise AttributeError("an attribute of filters, not of their class")
        return owner._attribute(self._number)

    def __set__(self, owner: Filter, value: int) -> None:
        owner._set_attribute(self._number, value)


class _Flag(_Attribute):
    """An attribute that is on or off."""

    def __get__(self, owner: Filter | None, _: type[Filter] | None = None) -> bool:
        return super().__get__(owner) != 0


class Filter:
    """A seccomp filter under construction.

    It covers the native architecture from the start. Errors of the kernel come with the kernel's own errno.
    """

    no_new_privs = _Flag(
        constants.ATTRIBUTE_NO_NEW_PRIVS,
        "Whether `load` sets no_new_privs first, prctl(2); on by default. Off needs CAP_SYS_ADMIN.",
    )
    tsync = _Flag(constants.ATTRIBUTE_TSYNC, "Whether `load` covers all threads of the process; off by default.")
    log = _Flag(constants.ATTRIBUTE_LOG, "Whether the kernel logs every action but ALLOW; off by default.")
    spec_allow = _Flag(
        constants.ATTRIBUTE_SPEC_ALLOW,
        "Whether to leave speculative store bypass on, SECCOMP_FILTER_FLAG_SPEC_ALLOW; off by default.",
    )
    wait_killable = _Flag(
        constants.ATTRIBUTE_WAIT_KILLABLE,
        "Whether only a fatal signal interrupts a received notification; needs libseccomp 2.6 and Linux 5.19.",
    )
    optimize = _Attribute(
        constants.ATTRIBUTE_OPTIMIZE, "How to order the program: 1 by priority (default), 2 as a binary tree."
    )
    bad_architecture_action = _Attribute(
        constants.ATTRIBUTE_BAD_ARCHITECTURE_ACTION,
        "What happens to calls of an architecture that was not added; KILL by default.",
    )

    def __init__(self, default_action: int) -> None:
        """Start a filter.

        Args:
            default_action: for system calls that no rule matches.

        Raises:
            SeccompError: not an action, or one the running kernel does not have.
        """
        self._context: CData | None = lib.seccomp_init(default_action)
        if self._context == ffi.NULL:
            self._context = None
            raise SeccompError("seccomp_init", (default_action,), errno.EINVAL, "not an action this kernel has")
        # Otherwise each error of the kernel would arrive as ECANCELED.
        self._set_attribute(constants.ATTRIBUTE_SYSTEM_ERRNO, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Memory only; a context that never came to be has no _context.
        if getattr(self, "_context", None) is not None:
            self.close()

    def close(self) -> None:
        """Free the context; a loaded filter stays in force. More calls do nothing."""
        context, self._context = self._context, None
        if context is not None:
            lib.seccomp_release(context)

    @property
    def default_action(self) -> int:
        """The action for system calls that no rule matches."""
        return self._attribute(constants.ATTRIBUTE_DEFAULT_ACTION)

    def has_architecture(self, architecture: str | int) -> bool:
        """Say whether the filter covers an architecture, named or by token."""
        return lib.seccomp_arch_exist(self._open("seccomp_arch_exist"), _token(architecture)) == 0

    def add_architecture(self, architecture: str | int) -> None:
        """Cover one more architecture; later rules apply to it too, earlier ones do not. Already covered is fine.

        Args:
            architecture: ``SCMP_ARCH_X86``, ``x86`` or a token.

        Raises:
            UnknownArchitecture: the library does not know the name.
            SeccompError: EDOM if its byte order is not that of the others.
        """
        if not self.has_architecture(architecture):
            token = _token(architecture)
            context = self._open("seccomp_arch_add")
            _check("seccomp_arch_add", (architecture,), lib.seccomp_arch_add(context, token))

    def remove_architecture(self, architecture: str | int) -> None:
        """Drop an architecture and its rules: its calls then meet `bad_architecture_action`."""
        token = _token(architecture)
        context = self._open("seccomp_arch_remove")
        _check("seccomp_arch_remove", (architecture,), lib.seccomp_arch_remove(context, token))

    def add_rule(
        self, action: int, syscall: str | int, conditions: Iterable[Condition] = (), *, exact: bool = False
    ) -> None:
        """Add a rule for a system call.

        Args:
            action: must differ from the default action.
            syscall: a name, or a number of the native architecture.
            conditions: all of them must hold; at most one for each argument.
            exact: fail where an architecture cannot express the rule; otherwise libseccomp approximates it.

        Raises:
            UnknownSyscall: the library does not know the name.
            SeccompError: EACCES if the action is the default one, EINVAL if an argument has two conditions, EEXIST if
                another action has the same conditions already.
        """
        number = library.resolve_syscall(syscall) if isinstance(syscall, str) else syscall
        comparisons = [condition._key() for condition in conditions]
        call = "seccomp_rule_add_exact_array" if exact else "seccomp_rule_add_array"
        add = lib.seccomp_rule_add_exact_array if exact else lib.seccomp_rule_add_array
        array = ffi.new("struct scmp_arg_cmp[]", comparisons)
        status = add(self._open(call), action, number, len(comparisons), array)
        _check(call, (action, syscall, *comparisons), status)

    def load(self) -> None:
        """Put the filter in force for the calling thread, seccomp(2). It cannot be taken back.

        Raises:
            SeccompError: EACCES without no_new_privs and without CAP_SYS_ADMIN.
        """
        _check("seccomp_load", (), lib.seccomp_load(self._open("seccomp_load")))

    def export_bpf(self) -> bytes:
        """Return the program as seccomp(2) takes it: eight bytes an instruction, in the machine's byte order."""
        return self._export("seccomp_export_bpf")

    def export_pfc(self) -> str:
        """Return the program in libseccomp's readable pseudo code."""
        return self._export("seccomp_export_pfc").decode()

    @property
    def notify_fd(self) -> int:
        """The notification descriptor of a loaded filter with a NOTIFY rule; libseccomp owns it, do not close it.

        Raises:
            SeccompError: nothing loaded, or no NOTIFY rule.
        """
        fd = lib.seccomp_notify_fd(self._open("seccomp_notify_fd"))
        if fd < 0:
            raise SeccompError("seccomp_notify_fd", (), -fd, "no filter with a NOTIFY rule is loaded")
        return fd

    def _open(self, call: str) -> CData:
        if self._context is None:
            raise InvalidArgument(call, (), "the filter is closed")
        return self._context

    def _export(self, call: Literal["seccomp_export_bpf", "seccomp_export_pfc"]) -> bytes:
        # seccomp_export_bpf_mem(3) would save the file, but came with libseccomp 2.6.
        context = self._open(call)
        fd = os.memfd_create(call, os.MFD_CLOEXEC)
        try:
            export = lib.seccomp_export_bpf if call == "seccomp_export_bpf" else lib.seccomp_export_pfc
            _check(call, (), export(context, fd))
            return os.pread(fd, os.fstat(fd).st_size, 0)
        finally:
            os.close(fd)

    def _attribute(self, number: int) -> int:
        value = ffi.new("uint32_t *")
        status = lib.seccomp_attr_get(self._open("seccomp_attr_get"), number, value)
        _check("seccomp_attr_get", (number,), status, _unsupported(status))
        return int(value[0])

    def _set_attribute(self, number: int, value: int) -> None:
        status = lib.seccomp_attr_set(self._open("seccomp_attr_set"), number, value)
        _check("seccomp_attr_set", (number, value), status, _unsupported(status))


def _token(architecture: str | int) -> int:
    return library.architecture_token(architecture) if isinstance(architecture, str) else architecture


def _unsupported(status: int) -> str | None:
    """Explain what libseccomp says of an attribute that it or the kernel does not have."""
    if status in (-errno.EINVAL, -errno.EEXIST, -errno.EOPNOTSUPP):
        version = ".".join(map(str, library.library_version()))
        return f"libseccomp {version} with api level {library.api_level()} does not support it or this value"
    return None


def _check(call: str, arguments: tuple[object, ...], status: int, reason: str | None = None) -> None:
    """Turn the negative errno of a libseccomp call into an exception."""
    if status < 0:
        raise SeccompError(call, arguments, -status, reason or "")
