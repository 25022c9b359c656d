"""The five capability sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import mutations

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root

_CHOWN, _KILL, _SETPCAP = 1 << 0, 1 << 5, 1 << 8
_ALL = ("bounding", "effective", "permitted", "inheritable", "ambient")


def test_default_config(inside: Inside) -> None:
    three = 1 << 5 | 1 << 10 | 1 << 29

    assert _sets(inside) == {"Inh": 0, "Prm": three, "Eff": three, "Bnd": three, "Amb": 0}


def test_none(inside: Inside) -> None:
    assert _sets(inside, mutations.capabilities()) == {"Inh": 0, "Prm": 0, "Eff": 0, "Bnd": 0, "Amb": 0}


def test_absent_is_none(inside: Inside) -> None:
    found = _sets(inside, lambda config: config["process"].pop("capabilities"))

    assert found == {"Inh": 0, "Prm": 0, "Eff": 0, "Bnd": 0, "Amb": 0}


def test_each_set_by_itself(inside: Inside) -> None:
    mutate = mutations.process(
        capabilities={
            "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_SETPCAP"],
            "permitted": ["CAP_CHOWN", "CAP_KILL"],
            "effective": ["CAP_CHOWN", "CAP_KILL"],
            "inheritable": ["CAP_KILL"],
            "ambient": ["CAP_KILL"],
        }
    )

    assert _sets(inside, mutations.every(mutate, mutations.process(user={"uid": 1000, "gid": 1000}))) == {
        "Inh": _KILL,
        "Prm": _KILL,
        "Eff": _KILL,
        "Bnd": _CHOWN | _KILL | _SETPCAP,
        "Amb": _KILL,
    }


def test_ordinary_user_gets_none_by_execve(inside: Inside) -> None:
    mutate = mutations.every(mutations.capabilities("CAP_CHOWN"), mutations.process(user={"uid": 1000, "gid": 1000}))

    assert _sets(inside, mutate) == {"Inh": 0, "Prm": 0, "Eff": 0, "Bnd": _CHOWN, "Amb": 0}


def test_ordinary_user_keeps_ambient_ones(inside: Inside) -> None:
    mutate = mutations.every(
        mutations.capabilities("CAP_CHOWN", sets=_ALL), mutations.process(user={"uid": 1000, "gid": 1000})
    )

    assert set(_sets(inside, mutate).values()) == {_CHOWN}


def test_every_capability_of_the_host(inside: Inside) -> None:
    with open("/proc/self/status", encoding="ascii") as status:
        own = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd"))
    names = [name for number, name in enumerate(_NAMES) if own & 1 << number]

    assert _sets(inside, mutations.capabilities(*names))["Eff"] == own


def test_exec_has_the_containers(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle(mutate=mutations.capabilities("CAP_CHOWN")))

    found = container.exec("grep", "^Cap", "/proc/self/status").succeed().stdout

    assert _parse(found) == {"Inh": 0, "Prm": _CHOWN, "Eff": _CHOWN, "Bnd": _CHOWN, "Amb": 0}


def test_exec_with_one_more_has_it_without_inheritable(runtime: Runtime, make_bundle: MakeBundle) -> None:
    container = runtime.start(make_bundle(mutate=mutations.capabilities("CAP_CHOWN")))

    found = _parse(container.exec("grep", "^Cap", "/proc/self/status", options=["--cap", "CAP_KILL"]).succeed().stdout)

    assert found == {"Inh": 0, "Prm": _CHOWN | _KILL, "Eff": _CHOWN | _KILL, "Bnd": _CHOWN | _KILL, "Amb": 0}


def test_unknown_capability_is_a_warning(runtime: Runtime, make_bundle: MakeBundle) -> None:
    bundle = make_bundle("echo", "ok", mutate=mutations.capabilities("CAP_BOGUS", "CAP_KILL"))

    assert runtime.run(bundle).succeed().stdout == "ok\n"


def _sets(inside: Inside, mutate: mutations.Mutation | None = None) -> dict[str, int]:
    return _parse(inside("grep ^Cap /proc/self/status", mutate))


def _parse(text: str) -> dict[str, int]:
    lines = (line.split() for line in text.splitlines())
    return {name.removeprefix("Cap").rstrip(":"): int(value, 16) for name, value in lines}


_NAMES = [
    "CAP_" + name
    for name in """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
    """.split()
]
