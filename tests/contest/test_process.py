"""The process as it starts: environment, program look-up, directory, user, limits, scheduling, personality."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import pytest

from tests.support import mutations
from tests.support.runtime import Caller

if TYPE_CHECKING:
    from tests.conftest import Inside, MakeBundle
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


class TestEnvironment:
    def test_is_that_of_the_config_and_home(self, inside: Inside) -> None:
        mutate = mutations.process(env=["PATH=/bin", "A=1", "EMPTY=", "SPACE=a b"])

        assert sorted(inside("env -u PWD -u SHLVL -u OLDPWD env", mutate).splitlines()) == [
            "A=1",
            "EMPTY=",
            "HOME=/root",
            "PATH=/bin",
            "SPACE=a b",
        ]

    def test_of_the_caller_does_not_leak(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        result = runtime.run(make_bundle("env"), caller=Caller(env={"LEAK": "leaked"})).succeed()

        assert "LEAK" not in result.stdout

    def test_home_is_that_of_the_users_passwd_entry(self, inside: Inside) -> None:
        assert inside("echo $HOME", mutations.process(user={"uid": 1000, "gid": 1000})) == "/home/alice\n"

    def test_home_of_a_user_without_entry_is_the_root(self, inside: Inside) -> None:
        assert inside("echo $HOME", mutations.process(user={"uid": 4321, "gid": 0})) == "/\n"

    def test_home_of_the_config_is_kept(self, inside: Inside) -> None:
        assert inside("echo $HOME", mutations.process(env=["PATH=/bin", "HOME=/tmp"])) == "/tmp\n"

    def test_last_of_two_entries_wins(self, inside: Inside) -> None:
        assert inside("echo $A", mutations.process(env=["PATH=/bin", "A=1", "A=2"])) == "2\n"

    def test_entry_without_a_name_or_equals_sign_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        runtime.try_create(make_bundle(mutate=mutations.process(env=["PATH=/bin", "NOEQ"]))).exit_with(1)


class TestProgram:
    def test_is_searched_in_the_containers_path(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("tool", mutate=mutations.process(env=["PATH=/nowhere:/opt/x:/bin"]))
        bundle.put("/opt/x/tool", "#!/bin/sh\necho found\n", mode=0o755)

        assert runtime.run(bundle).succeed().stdout == "found\n"

    def test_arguments_arrive_unchanged(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        words = ["printf", "%s|", "a b", "", "$HOME", "-x", "é", "'\""]

        assert runtime.run(make_bundle(*words)).succeed().stdout == "a b||$HOME|-x|é|'\"|"

    def test_name_is_that_of_the_config(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        assert runtime.run(make_bundle("sh", "-c", "echo $0")).succeed().stdout == "sh\n"

    def test_relative_to_the_working_directory(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("./tool", mutate=mutations.process(cwd="/opt"))
        bundle.put("/opt/tool", "#!/bin/sh\necho found\n", mode=0o755)

        assert runtime.run(bundle).succeed().stdout == "found\n"


class TestDirectory:
    def test_is_that_of_the_config(self, inside: Inside) -> None:
        assert inside("pwd", mutations.process(cwd="/usr/bin")) == "/usr/bin\n"

    def test_is_made_when_missing(self, inside: Inside) -> None:
        mutate = mutations.every(mutations.process(cwd="/made/here"), mutations.writable_root)

        assert inside("pwd", mutate) == "/made/here\n"

    def test_that_only_the_user_may_enter(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = mutations.every(
            mutations.process(cwd="/private", user={"uid": 1000, "gid": 1000}), mutations.capabilities()
        )
        bundle = make_bundle("pwd", mutate=mutate)
        os.mkdir(bundle.inside("/private"), 0o700)
        os.chown(bundle.inside("/private"), 1000, 1000)

        assert runtime.run(bundle).succeed().stdout == "/private\n"

    def test_through_a_symbolic_link(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("pwd", mutate=mutations.process(cwd="/link"))
        os.symlink("usr", bundle.inside("/link"))

        assert runtime.run(bundle).succeed().stdout in ("/usr\n", "/link\n")


class TestUser:
    def test_ids(self, inside: Inside) -> None:
        assert inside("echo $(id -u) $(id -g)", mutations.process(user={"uid": 1000, "gid": 46})) == "1000 46\n"

    def test_real_effective_saved_and_file_system_ids_are_equal(self, inside: Inside) -> None:
        mutate = mutations.process(user={"uid": 1000, "gid": 46})

        assert inside("grep -E '^(Uid|Gid)' /proc/self/status", mutate).split() == [
            *("Uid:", "1000", "1000", "1000", "1000"),
            *("Gid:", "46", "46", "46", "46"),
        ]

    def test_additional_groups(self, inside: Inside) -> None:
        mutate = mutations.process(user={"uid": 0, "gid": 0, "additionalGids": [7, 12345]})

        assert set(inside("grep Groups /proc/self/status", mutate).split()[1:]) - {"0"} == {"7", "12345"}

    def test_no_other_groups(self, inside: Inside) -> None:
        assert inside("grep Groups /proc/self/status").split()[1:] in ([], ["0"])

    def test_umask_default(self, inside: Inside) -> None:
        assert inside("umask") == "0022\n"

    @pytest.mark.parametrize("umask", [0o027, 0o077, 0], ids=oct)
    def test_umask(self, inside: Inside, umask: int) -> None:
        mutate = mutations.process(user={"uid": 0, "gid": 0, "umask": umask})

        assert inside("umask", mutate) == f"{umask:04o}\n"


class TestLimits:
    @pytest.mark.parametrize(
        ("kind", "line"),
        [
            ("RLIMIT_CORE", "Max core file size"),
            ("RLIMIT_NOFILE", "Max open files"),
            ("RLIMIT_NPROC", "Max processes"),
            ("RLIMIT_STACK", "Max stack size"),
            ("RLIMIT_FSIZE", "Max file size"),
            ("RLIMIT_MEMLOCK", "Max locked memory"),
            ("RLIMIT_SIGPENDING", "Max pending signals"),
            ("RLIMIT_MSGQUEUE", "Max msgqueue size"),
            ("RLIMIT_NICE", "Max nice priority"),
            ("RLIMIT_RTPRIO", "Max realtime priority"),
            ("RLIMIT_CPU", "Max cpu time"),
            ("RLIMIT_AS", "Max address space"),
        ],
    )
    def test_limit(self, inside: Inside, kind: str, line: str) -> None:
        hard = resource.getrlimit(getattr(resource, kind))[1]
        value = {"RLIMIT_AS": 1 << 30, "RLIMIT_STACK": 1 << 20, "RLIMIT_FSIZE": 1 << 20}.get(kind, 50)
        value = value if hard in (-1, resource.RLIM_INFINITY) else min(value, hard)
        mutate = mutations.process(rlimits=[{"type": kind, "soft": value, "hard": value}])

        found = inside(f"grep '{line}' /proc/self/limits", mutate)

        assert found.removeprefix(line).split()[:2] == [str(value), str(value)]

    def test_soft_below_hard(self, inside: Inside) -> None:
        mutate = mutations.process(rlimits=[{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}])

        assert inside("ulimit -S -n; ulimit -H -n", mutate) == "100\n200\n"

    def test_unknown_limit_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = mutations.process(rlimits=[{"type": "RLIMIT_BOGUS", "soft": 1, "hard": 1}])

        assert "rlimit_bogus" in runtime.try_create(make_bundle(mutate=mutate)).exit_with(1).message

    def test_limit_given_twice_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        limits = [{"type": "RLIMIT_NOFILE", "soft": number, "hard": number} for number in (200, 100)]

        runtime.try_create(make_bundle(mutate=mutations.process(rlimits=limits))).exit_with(1)


class TestScheduling:
    @pytest.mark.parametrize("value", [0, 100, 1000])
    def test_oom_score_adjustment(self, inside: Inside, value: int) -> None:
        assert inside("cat /proc/self/oom_score_adj", mutations.process(oomScoreAdj=value)) == f"{value}\n"

    def test_oom_score_adjustment_is_the_callers_when_absent(self, inside: Inside) -> None:
        with open("/proc/self/oom_score_adj", encoding="ascii") as own:
            assert inside("cat /proc/self/oom_score_adj") == own.read()

    def test_policy_and_nice(self, inside: Inside) -> None:
        mutate = mutations.process(scheduler={"policy": "SCHED_BATCH", "nice": 7})

        assert inside("probe scheduler", mutate) == "3 7 0\n"

    def test_io_priority(self, inside: Inside) -> None:
        mutate = mutations.process(ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 6})

        assert inside("probe ioprio", mutate) == "2 6\n"


class TestPersonality:
    def test_linux32(self, inside: Inside) -> None:
        assert inside("uname -m", mutations.linux(personality={"domain": "LINUX32"})) != f"{os.uname().machine}\n"

    def test_linux(self, inside: Inside) -> None:
        assert inside("uname -m", mutations.linux(personality={"domain": "LINUX"})) == f"{os.uname().machine}\n"


class TestUts:
    def test_hostname(self, inside: Inside) -> None:
        assert inside("hostname; cat /proc/sys/kernel/hostname", mutations.top(hostname="box")) == "box\nbox\n"

    def test_domainname(self, inside: Inside) -> None:
        assert inside("cat /proc/sys/kernel/domainname", mutations.top(domainname="example.org")) == "example.org\n"

    def test_host_keeps_its_name(self, inside: Inside) -> None:
        before = os.uname().nodename

        inside("true", mutations.top(hostname="box"))

        assert os.uname().nodename == before


class TestSysctl:
    @pytest.mark.parametrize(
        ("key", "path", "value"),
        [
            ("net.ipv4.ip_forward", "net/ipv4/ip_forward", "1"),
            ("kernel.shmmax", "kernel/shmmax", "123456"),
            ("kernel.msgmax", "kernel/msgmax", "4096"),
            ("fs.mqueue.msg_max", "fs/mqueue/msg_max", "9"),
        ],
    )
    def test_namespaced_key_is_set(self, inside: Inside, key: str, path: str, value: str) -> None:
        assert inside(f"cat /proc/sys/{path}", mutations.linux(sysctl={key: value})) == f"{value}\n"

    def test_host_keeps_its_value(self, inside: Inside) -> None:
        with open("/proc/sys/kernel/shmmax", encoding="ascii") as file:
            before = file.read()

        inside("true", mutations.linux(sysctl={"kernel.shmmax": "123456"}))

        with open("/proc/sys/kernel/shmmax", encoding="ascii") as file:
            assert file.read() == before

    @pytest.mark.parametrize("key", ["vm.swappiness", "kernel.pid_max", "fs.file-max", "kernel.hostname"])
    def test_key_of_the_host_is_refused(self, runtime: Runtime, make_bundle: MakeBundle, key: str) -> None:
        result = runtime.try_create(make_bundle(mutate=mutations.linux(sysctl={key: "1"}))).exit_with(1)

        assert key in result.message

    def test_net_key_without_network_namespace_is_refused(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        mutate = mutations.every(
            mutations.without_namespace("network"), mutations.linux(sysctl={"net.ipv4.ip_forward": "1"})
        )

        runtime.try_create(make_bundle(mutate=mutate)).exit_with(1)


class TestSignals:
    def test_nothing_is_ignored_or_blocked(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status")

        found = runtime.run(bundle).succeed().stdout.split()

        assert found == ["SigBlk:", "0" * 16, "SigIgn:", "0" * 16]


class TestKeyring:
    def test_session_keyring_is_new(self, inside: Inside) -> None:
        assert inside("probe keyring").strip().rpartition(";")[2] in ("_ses.c1", "c1")

    def test_no_new_keyring_leaves_the_callers(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle("probe", "keyring")

        assert "c1" not in runtime.run(bundle, "--no-new-keyring").succeed().stdout


class TestNoNewPrivileges:
    @pytest.mark.parametrize(("asked", "expected"), [(True, "1"), (False, "0"), (None, "0")])
    def test_is_as_asked(self, inside: Inside, asked: bool | None, expected: str) -> None:
        mutate = mutations.process(noNewPrivileges=asked) if asked is not None else _without_no_new_privileges

        assert inside("grep NoNewPrivs /proc/self/status", mutate).split()[1] == expected


def _without_no_new_privileges(config: dict[str, dict[str, object]]) -> None:
    del config["process"]["noNewPrivileges"]
