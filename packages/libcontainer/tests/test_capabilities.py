from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libcontainer import capabilities
from libcontainer.capabilities import BITS, CapabilityMasks
from libcontainer.errors import SyscallError
from libcontainer.oci.spec import LinuxCapabilities
from libcontainer.syscall import flags
from libcontainer.testing.recording import RecordingSyscall

KILL, CHOWN, BPF = BITS["CAP_KILL"], BITS["CAP_CHOWN"], BITS["CAP_BPF"]
LAST_CAP = 40


def test_numbers_are_those_of_the_kernel_header() -> None:
    assert (BITS["CAP_CHOWN"], BITS["CAP_SYS_ADMIN"], BITS["CAP_CHECKPOINT_RESTORE"]) == (1, 1 << 21, 1 << 40)


def test_absent_capabilities_are_five_empty_sets() -> None:
    assert capabilities.masks(None, LAST_CAP) == (CapabilityMasks(0, 0, 0, 0, 0), [])


def test_each_set_is_translated() -> None:
    asked = LinuxCapabilities(
        bounding=["CAP_KILL", "CAP_CHOWN"],
        effective=["CAP_KILL"],
        permitted=["CAP_KILL", "CAP_CHOWN"],
        inheritable=["CAP_CHOWN"],
        ambient=["CAP_CHOWN"],
    )

    assert capabilities.masks(asked, LAST_CAP) == (CapabilityMasks(KILL | CHOWN, KILL, KILL | CHOWN, CHOWN, CHOWN), [])


def test_unknown_names_are_left_out_and_told_once() -> None:
    asked = LinuxCapabilities(bounding=["CAP_BOGUS", "CAP_KILL"], effective=["CAP_BOGUS", "cap_kill"])

    assert capabilities.masks(asked, LAST_CAP) == (
        CapabilityMasks(bounding=KILL),
        ["ignoring unknown or unavailable capabilities: [CAP_BOGUS cap_kill]"],
    )


def test_capability_newer_than_the_kernel_is_unavailable() -> None:
    asked = LinuxCapabilities(bounding=["CAP_BPF", "CAP_KILL"])

    assert capabilities.masks(asked, 37) == (
        CapabilityMasks(bounding=KILL),
        ["ignoring unknown or unavailable capabilities: [CAP_BPF]"],
    )


@pytest.mark.parametrize(
    ("asked", "grantable", "granted", "warning"),
    [
        pytest.param(
            LinuxCapabilities(permitted=["CAP_KILL", "CAP_BPF"]),
            KILL,
            CapabilityMasks(permitted=KILL),
            "ignoring capabilities of process.capabilities.permitted that cannot be granted "
            "(the runtime does not hold them): [CAP_BPF]",
            id="not held",
        ),
        pytest.param(
            LinuxCapabilities(effective=["CAP_KILL"]),
            capabilities.ALL,
            CapabilityMasks(),
            "ignoring capabilities of process.capabilities.effective that cannot be granted "
            "(they are not permitted): [CAP_KILL]",
            id="effective but not permitted",
        ),
        pytest.param(
            LinuxCapabilities(inheritable=["CAP_KILL"]),
            capabilities.ALL,
            CapabilityMasks(),
            "ignoring capabilities of process.capabilities.inheritable that cannot be granted "
            "(they are not in the bounding set): [CAP_KILL]",
            id="inheritable but not bounded",
        ),
        pytest.param(
            LinuxCapabilities(ambient=["CAP_KILL"], permitted=["CAP_KILL"]),
            capabilities.ALL,
            CapabilityMasks(permitted=KILL),
            "ignoring capabilities of process.capabilities.ambient that cannot be granted "
            "(they are not both permitted and inheritable): [CAP_KILL]",
            id="ambient but not inheritable",
        ),
    ],
)
def test_what_the_kernel_would_refuse_is_left_out_with_a_warning(
    asked: LinuxCapabilities, grantable: int, granted: CapabilityMasks, warning: str
) -> None:
    assert capabilities.masks(asked, LAST_CAP, grantable) == (granted, [warning])


NAME = st.sampled_from([*capabilities.NAMES, "CAP_BOGUS", ""])
NAME_LIST = st.none() | st.lists(NAME)


@given(
    asked=st.builds(LinuxCapabilities, NAME_LIST, NAME_LIST, NAME_LIST, NAME_LIST, NAME_LIST),
    last_cap=st.integers(0, 63),
    grantable=st.integers(0, capabilities.ALL),
)
def test_masks_always_obey_the_rules_of_capset(asked: LinuxCapabilities, last_cap: int, grantable: int) -> None:
    masks, _ = capabilities.masks(asked, last_cap, grantable)

    assert not masks.effective & ~masks.permitted
    assert not masks.inheritable & ~masks.bounding
    assert not masks.ambient & ~(masks.permitted & masks.inheritable)
    assert not (masks.permitted | masks.bounding) & ~grantable


def test_names_of_a_mask_are_ordered_and_never_missing() -> None:
    assert capabilities.names_of(1 << 63 | BPF | CHOWN) == ["CAP_CHOWN", "CAP_BPF", "CAP_63"]


def test_only_what_is_not_kept_is_dropped_from_the_bounding_set() -> None:
    kernel = RecordingSyscall()

    capabilities.drop_bounding(kernel, CHOWN, 2)

    assert kernel.calls == [("prctl", flags.PR_CAPBSET_DROP, number, 0, 0, 0) for number in (1, 2)]


def test_apply_sets_ambient_capabilities_after_the_others() -> None:
    kernel = RecordingSyscall()

    capabilities.apply(kernel, CapabilityMasks(0, KILL, KILL | CHOWN, KILL, KILL))

    assert kernel.calls == [
        ("capset", KILL, KILL | CHOWN, KILL),
        ("prctl", flags.PR_CAP_AMBIENT, flags.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
        ("prctl", flags.PR_CAP_AMBIENT, flags.PR_CAP_AMBIENT_RAISE, 5, 0, 0),
    ]


def test_refused_capset_names_the_property() -> None:
    kernel = RecordingSyscall(failures={"capset": errno.EPERM})

    with pytest.raises(SyscallError, match=r"^apply the capabilities: operation not permitted$") as caught:
        capabilities.apply(kernel, CapabilityMasks())

    assert caught.value.property == "process.capabilities"
