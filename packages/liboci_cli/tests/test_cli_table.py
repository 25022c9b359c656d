"""The tables hold what runc, crun and youki accept."""

from __future__ import annotations

import pytest

from liboci_cli.table import COMMANDS, GlobalOptions, load

CREATE = "b bundle f config c console-socket pidfd-socket p pid-file no-pivot no-new-keyring preserve-fds no-subreaper"

EXPECTED = {
    "create": CREATE,
    "run": f"{CREATE} d detach keep",
    "start": "",
    "state": "",
    "kill": "a all r regex",
    "delete": "f force r regex",
    "exec": (
        "p process cwd e env t tty u user g additional-gids c cap no-new-privs apparmor process-label d detach "
        "pid-file console-socket pidfd-socket preserve-fds cgroup ignore-paused"
    ),
    "list": "f format q quiet",
    "ps": "f format",
    "pause": "",
    "resume": "",
    "update": (
        "r resources blkio-weight cpu-period cpu-quota cpu-burst cpu-share cpu-rt-period cpu-rt-runtime cpu-idle "
        "cpuset-cpus cpuset-mems memory memory-reservation memory-swap kernel-memory kernel-memory-tcp pids-limit "
        "l3-cache-schema mem-bw-schema"
    ),
    "events": "interval stats",
    "spec": "b bundle f file rootless",
    "features": "",
    "info": "",
    "version": "",
    "completion": "s shell",
    "mounts": "",
    "checkpoint": (
        "image-path work-path parent-path leave-running pre-dump tcp-established ext-unix-sk shell-job file-locks "
        "tcp-skip-in-flight link-remap lazy-pages status-fd page-server manage-cgroups-mode network-lock empty-ns "
        "auto-dedup"
    ),
    "restore": (
        "image-path work-path tcp-established ext-unix-sk shell-job file-locks tcp-close lazy-pages "
        "manage-cgroups-mode network-lock empty-ns auto-dedup lsm-profile lsm-mount-context b bundle d detach pid-file "
        "console-socket no-pivot no-subreaper no-new-keyring preserve-fds"
    ),
}

GLOBAL = "r root l log log-format log-level debug s systemd-cgroup cgroup-manager rootless systemd-log criu v V version"


def test_all_commands_are_there() -> None:
    assert sorted(COMMANDS) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_command_has_the_options_of_all_three_runtimes(name: str) -> None:
    command = load(COMMANDS, name)

    assert command is not None
    assert command.command_name == name
    assert sorted(command.options) == sorted(EXPECTED[name].split())


def test_the_options_before_the_command_are_those_of_all_three_runtimes() -> None:
    assert sorted(GlobalOptions.options) == sorted(GLOBAL.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_no_name_of_an_option_is_used_twice_and_the_long_one_is_first(name: str) -> None:
    command = load(COMMANDS, name)

    assert command is not None
    names = [spelling for parameter in command.parameters for spelling in parameter.names]
    assert len(names) == len(set(names))
    assert all(p.names[0].startswith("--") and p.help for p in command.parameters if p.is_option)


def test_an_unknown_command_is_not_loaded() -> None:
    assert load(COMMANDS, "creat") is None
