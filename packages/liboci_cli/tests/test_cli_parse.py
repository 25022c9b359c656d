"""The fast parser: what clients send, and what it leaves to the slow one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from liboci_cli.checkpoint import Checkpoint
from liboci_cli.create import Create
from liboci_cli.delete import Delete
from liboci_cli.events import Events
from liboci_cli.exec import Exec
from liboci_cli.features import Features
from liboci_cli.kill import Kill
from liboci_cli.list import List
from liboci_cli.parse import Invocation, parse
from liboci_cli.pause import Pause
from liboci_cli.ps import Ps
from liboci_cli.restore import Restore
from liboci_cli.resume import Resume
from liboci_cli.run import Run
from liboci_cli.start import Start
from liboci_cli.state import State
from liboci_cli.table import GlobalOptions
from liboci_cli.update import Update
from liboci_cli.version import Version

if TYPE_CHECKING:
    from liboci_cli.options import Command

SHIM = "--root /run/docker/runtime-runc/moby --log /b/log.json --log-format json"
SHIM_GLOBALS = GlobalOptions(root="/run/docker/runtime-runc/moby", log="/b/log.json", log_format="json")

CLIENT_LINES: list[tuple[str, GlobalOptions, Command]] = [
    (
        (
            f"{SHIM} --systemd-cgroup create --bundle /b --console-socket /c.sock --pid-file /b/init.pid --no-pivot "
            "--no-new-keyring --preserve-fds 2 web"
        ),
        GlobalOptions(**SHIM_GLOBALS.__dict__, systemd_cgroup=True),
        Create(
            bundle="/b",
            console_socket="/c.sock",
            pid_file="/b/init.pid",
            no_pivot=True,
            no_new_keyring=True,
            preserve_fds=2,
            container_id="web",
        ),
    ),
    (
        "--debug --rootless=true create --bundle /b --pidfd-socket /p.sock --pid-file /b/pid web",
        GlobalOptions(debug=True, rootless="true"),
        Create(bundle="/b", pidfd_socket="/p.sock", pid_file="/b/pid", container_id="web"),
    ),
    (f"{SHIM} start web", SHIM_GLOBALS, Start(container_id="web")),
    (
        f"{SHIM} exec --process /tmp/p.json --console-socket /c.sock --detach --pid-file /b/e.pid web",
        SHIM_GLOBALS,
        Exec(process="/tmp/p.json", console_socket="/c.sock", detach=True, pid_file="/b/e.pid", container_id="web"),
    ),
    (f"{SHIM} kill web 15", SHIM_GLOBALS, Kill(container_id="web", signal="15")),
    (f"{SHIM} kill --all web 9", SHIM_GLOBALS, Kill(all=True, container_id="web", signal="9")),
    (f"{SHIM} delete web", SHIM_GLOBALS, Delete(container_id="web")),
    (f"{SHIM} delete --force web", SHIM_GLOBALS, Delete(force=True, container_id="web")),
    (f"{SHIM} state web", SHIM_GLOBALS, State(container_id="web")),
    (f"{SHIM} list --format=json", SHIM_GLOBALS, List(format="json")),
    (f"{SHIM} ps --format json web", SHIM_GLOBALS, Ps(format="json", container_id="web")),
    (f"{SHIM} events --stats web", SHIM_GLOBALS, Events(stats=True, container_id="web")),
    (f"{SHIM} events --interval=5s web", SHIM_GLOBALS, Events(interval="5s", container_id="web")),
    (f"{SHIM} pause web", SHIM_GLOBALS, Pause(container_id="web")),
    (f"{SHIM} resume web", SHIM_GLOBALS, Resume(container_id="web")),
    (f"{SHIM} update --resources=- web", SHIM_GLOBALS, Update(resources="-", container_id="web")),
    (
        (
            f"{SHIM} checkpoint --image-path /i --work-path /w --tcp-established --ext-unix-sk --shell-job "
            "--file-locks --manage-cgroups-mode soft --leave-running web"
        ),
        SHIM_GLOBALS,
        Checkpoint(
            image_path="/i",
            work_path="/w",
            tcp_established=True,
            ext_unix_sk=True,
            shell_job=True,
            file_locks=True,
            manage_cgroups_mode="soft",
            leave_running=True,
            container_id="web",
        ),
    ),
    (
        f"{SHIM} restore --image-path /i --work-path /w --detach --bundle /b --pid-file /p -no-subreaper web",
        SHIM_GLOBALS,
        Restore(
            image_path="/i",
            work_path="/w",
            detach=True,
            bundle="/b",
            pid_file="/p",
            no_subreaper=True,
            container_id="web",
        ),
    ),
    (
        f"{SHIM} run --bundle /b --pid-file /p --detach -no-subreaper --keep web",
        SHIM_GLOBALS,
        Run(bundle="/b", pid_file="/p", detach=True, no_subreaper=True, keep=True, container_id="web"),
    ),
    ("--version", GlobalOptions(version=True), Version()),
    ("features", GlobalOptions(), Features()),
    (
        (
            "--systemd-cgroup --log-format=json --log=/l --cgroup-manager disabled create --bundle /b --pid-file /p "
            "--no-pivot --no-new-keyring --console-socket /c --preserve-fds 1 web"
        ),
        GlobalOptions(systemd_cgroup=True, log_format="json", log="/l", cgroup_manager="disabled"),
        Create(
            bundle="/b",
            pid_file="/p",
            no_pivot=True,
            no_new_keyring=True,
            console_socket="/c",
            preserve_fds=1,
            container_id="web",
        ),
    ),
    (
        "restore --bundle /b --pid-file /p --no-new-keyring --preserve-fds 1 --detach --image-path /i --work-path /w x",
        GlobalOptions(),
        Restore(
            bundle="/b",
            pid_file="/p",
            no_new_keyring=True,
            preserve_fds=1,
            detach=True,
            image_path="/i",
            work_path="/w",
            container_id="x",
        ),
    ),
    (
        "exec --pid-file /p --process /s --detach --console-socket /c web",
        GlobalOptions(),
        Exec(pid_file="/p", process="/s", detach=True, console_socket="/c", container_id="web"),
    ),
    ("update --resources=/tmp/r.json web", GlobalOptions(), Update(resources="/tmp/r.json", container_id="web")),
    (
        "--root /run/runc --systemd-cgroup kill web KILL",
        GlobalOptions(root="/run/runc", systemd_cgroup=True),
        Kill(container_id="web", signal="KILL"),
    ),
    (
        "--root /run/runc update --resources - web",
        GlobalOptions(root="/run/runc"),
        Update(resources="-", container_id="web"),
    ),
    (
        "checkpoint --file-locks --image-path /i --work-path /w --leave-running web",
        GlobalOptions(),
        Checkpoint(file_locks=True, image_path="/i", work_path="/w", leave_running=True, container_id="web"),
    ),
]


@pytest.mark.parametrize(
    ("line", "expected_globals", "expected"), CLIENT_LINES, ids=[line for line, _, _ in CLIENT_LINES]
)
def test_what_clients_send_is_parsed_fast(line: str, expected_globals: GlobalOptions, expected: Command) -> None:
    assert parse(line.split()) == Invocation(expected_globals, expected.command_name, expected)


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("exec web ls -l", ("ls", "-l")),
        ("exec -t web ls --tty=maybe", ("ls", "--tty=maybe")),
        ("exec web -- ls", ("--", "ls")),
        ("exec -- web ls", ("ls",)),
        ("exec -- -web -- ls", ("--", "ls")),
        ("exec web --help", ("--help",)),
        ("exec web", ()),
    ],
)
def test_all_words_after_the_id_of_exec_belong_to_the_process(line: str, args: tuple[str, ...]) -> None:
    invocation = parse(line.split())

    assert invocation is not None
    assert isinstance(invocation.options, Exec)
    assert invocation.options.args == args


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("create -bundle=/x web", Create(bundle="/x", container_id="web")),
        ("create -bundle /x web", Create(bundle="/x", container_id="web")),
        ("create -b=/x web", Create(bundle="/x", container_id="web")),
        ("create --b /x web", Create(bundle="/x", container_id="web")),
        ("create --bundle= web", Create(bundle="", container_id="web")),
        ("create --bundle -- web", Create(bundle="--", container_id="web")),
        ("create --bundle a --bundle b web", Create(bundle="b", container_id="web")),
        ("create --no-pivot=false web", Create(container_id="web")),
        ("create --no-pivot --no-pivot=F web", Create(container_id="web")),
        ("create -- --web", Create(container_id="--web")),
        ("create -", Create(container_id="-")),
        ("update --pids-limit -1 web", Update(pids_limit=-1, container_id="web")),
        ("exec -e A=1 --env B=2 -g 5 -g 0 web", Exec(env=("A=1", "B=2"), additional_gids=(5, 0), container_id="web")),
        ("exec -t=true web", Exec(tty=True, container_id="web")),
    ],
)
def test_options_are_read_as_go_reads_them(line: str, expected: Command) -> None:
    assert parse(line.split()) == Invocation(GlobalOptions(), expected.command_name, expected)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--help",
        "help create",
        "create --help",
        "creat web",
        "create",
        "create a b",
        "create web --bundle /x",
        "create --bundle",
        "create --bund /x web",
        "create ---bundle /x web",
        "create --=x web",
        "exec -dt web",
        "exec -u0 web",
        "exec --tty=maybe web",
        "create --preserve-fds 0x3 web",
        "create --preserve-fds 010 web",
        "create --preserve-fds +1 web",
        "create --preserve-fds 1_0 web",
        "create --preserve-fds ٣ web",
        "create --preserve-fds ² web",
        "create --preserve-fds -1 web",
        "create --preserve-fds= web",
        "create --preserve-fds 99999999999999999999999 web",
        "--log-format xml state web",
        "-- state web",
        "--version state web",
        "mounts change web file",
    ],
)
def test_what_is_unusual_is_left_to_the_slow_parser(line: str) -> None:
    assert parse(line.split()) is None


def test_an_empty_id_is_an_argument() -> None:
    assert parse(["state", ""]) == Invocation(GlobalOptions(), "state", State(container_id=""))
