"""spec, features, --version and help: what can be asked without a container."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.support import schemas
from tests.support.runtime import Caller, read

if TYPE_CHECKING:
    from tests.conftest import MakeBundle
    from tests.support.bundle import Json
    from tests.support.runtime import Runtime

pytestmark = pytest.mark.root


class TestSpec:
    def test_writes_a_config_that_runs(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle()
        os.unlink(f"{bundle.directory}/config.json")
        runtime("spec", "--bundle", bundle.directory).succeed()
        bundle.config = json.loads(read(f"{bundle.directory}/config.json"))
        assert bundle.config["process"]["args"] == ["sh"]
        bundle.config["process"].update(terminal=False, args=["echo", "ok"])
        bundle.write()

        assert runtime.run(bundle).succeed().stdout == "ok\n"

    def test_working_directory_is_the_default(self, runtime: Runtime, work: str) -> None:
        runtime("spec", caller=Caller(cwd=work)).succeed()

        assert json.loads(read(f"{work}/config.json"))["root"]["path"] == "rootfs"

    def test_existing_file_is_kept(self, runtime: Runtime, make_bundle: MakeBundle) -> None:
        bundle = make_bundle()
        before = read(f"{bundle.directory}/config.json")

        result = runtime("spec", "--bundle", bundle.directory).exit_with(1)

        assert "exists" in result.message
        assert read(f"{bundle.directory}/config.json") == before

    def test_default_namespaces_and_paths(self, runtime: Runtime, work: str) -> None:
        runtime("spec", "--bundle", work).succeed()
        linux = json.loads(read(f"{work}/config.json"))["linux"]

        kinds = {space["type"] for space in linux["namespaces"]}
        assert kinds - {"cgroup"} == {"pid", "network", "ipc", "uts", "mount"}
        assert "/proc/kcore" in linux["maskedPaths"]
        assert "/proc/sys" in linux["readonlyPaths"]

    def test_rootless_adds_a_user_namespace(self, runtime: Runtime, work: str) -> None:
        runtime("spec", "--rootless", "--bundle", work).succeed()
        linux = json.loads(read(f"{work}/config.json"))["linux"]

        assert "user" in {space["type"] for space in linux["namespaces"]}
        assert "resources" not in linux


class TestFeatures:
    @pytest.fixture
    def features(self, runtime: Runtime) -> Json:
        """The parsed output."""
        found: Json = json.loads(runtime("features").succeed().stdout)
        return found

    def test_fits_the_schema(self, features: Json) -> None:
        schemas.check(features, "features-schema.json")

    def test_names_all_hooks(self, features: Json) -> None:
        assert set(features["hooks"]) == {
            *("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"),
        }

    def test_names_the_namespaces(self, features: Json) -> None:
        assert {"cgroup", "ipc", "mount", "network", "pid", "user", "uts"} <= set(features["linux"]["namespaces"])

    def test_names_the_mount_options(self, features: Json) -> None:
        assert {"ro", "rbind", "nosuid", "rslave", "rro"} <= set(features["mountOptions"])

    def test_says_that_seccomp_is_there(self, features: Json) -> None:
        assert features["linux"]["seccomp"]["enabled"] is True

    def test_works_without_privileges(self, runtime: Runtime, work: str) -> None:
        os.chmod(work, 0o777)

        json.loads(runtime("features", caller=Caller(uid=1000)).succeed().stdout)


class TestVersion:
    @pytest.mark.parametrize("option", ["--version", "-v"])
    def test_first_line_names_the_runtime(self, runtime: Runtime, option: str) -> None:
        lines = runtime(option, global_options=()).succeed().stdout.splitlines()

        assert lines[0].startswith(f"{runtime.name} version ")
        assert any(line.startswith("spec: 1.") for line in lines)
        assert any(line.startswith("commit: ") for line in lines)


class TestHelp:
    @pytest.mark.parametrize("option", ["--help", "-h"])
    def test_names_the_commands(self, runtime: Runtime, option: str) -> None:
        text = runtime(option, global_options=()).succeed().stdout

        missing = [word for word in ("create", "start", "state", "kill", "delete", "exec", "spec") if word not in text]
        assert missing == []

    def test_of_a_command_names_its_options(self, runtime: Runtime) -> None:
        assert "--pid-file" in runtime("create", "--help", global_options=()).succeed().stdout


class TestUsage:
    def test_unknown_command(self, runtime: Runtime) -> None:
        assert "bogus" in runtime("bogus").fail().message

    def test_unknown_option(self, runtime: Runtime) -> None:
        assert "bogus" in runtime("list", "--bogus").fail().message

    def test_missing_id(self, runtime: Runtime) -> None:
        runtime("state").fail()

    def test_one_argument_too_many(self, runtime: Runtime) -> None:
        runtime("state", "one", "two").fail()

    def test_unknown_log_format(self, runtime: Runtime) -> None:
        result = runtime("list", global_options=("--log-format", "xml")).fail()

        assert "xml" in result.message
