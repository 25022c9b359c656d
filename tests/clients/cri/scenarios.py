"""What a kubelet does with a container runtime; each scenario has a pod of its own.

python3 -m tests.cri.scenarios NAME           run one
python3 -m tests.cri.scenarios --list         print their names
python3 -m tests.cri.scenarios --remove-pods  after a failure
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from . import rpc
from .pods import LIMITS, NODE, POD, Pod, call, remove_all_pods
from .rpc import RpcError

_UNTIL_STOPPED = ("sleep", "1000")


def refuses(part: str, function: object, *arguments: object) -> None:
    """Assert that the server refuses the call, and that its message has this part."""
    assert callable(function)
    try:
        function(*arguments)
    except RpcError as error:
        assert part.lower() in str(error).lower(), error  # noqa: PT017
    else:
        raise AssertionError("it worked")


def version() -> None:
    """The version call answers"""
    assert rpc.text(call("Version", {}), 2) == "containerd"


def sandbox_status() -> None:
    """A pod sandbox made by a RuntimeClass handler is ready and knows its handler"""
    with Pod("status") as pod:
        assert rpc.number(pod.status(), 3) == 0
        assert rpc.text(pod.status(), 9) == "tested"


def execute() -> None:
    """exec: output, error output, exit status, additional group, no new privileges"""
    with Pod("exec") as pod:
        container = pod.create("exec", *_UNTIL_STOPPED).start()
        assert container.execute("sh", "-c", "echo out $K; echo err >&2; exit 3") == ("out v\n", "err\n", 3)
        assert container.output("id", "-G").split() == ["0", "77"]
        assert container.output("grep", "NoNewPrivs", "/proc/self/status").split() == ["NoNewPrivs:", "1"]


def execute_not_found() -> None:
    """exec of a command that does not exist is named"""
    with Pod("missing") as pod:
        container = pod.create("main", *_UNTIL_STOPPED).start()
        refuses("nosuch", container.execute, "nosuch")
        refuses("not found", container.execute, "nosuch")


def execute_timeout() -> None:
    """exec ends at its timeout, as probes need it"""
    with Pod("timeout") as pod:
        container = pod.create("main", *_UNTIL_STOPPED).start()
        started = time.monotonic()
        refuses("timeout", lambda: container.execute("sleep", "30", timeout_s=1))
        assert time.monotonic() - started < 10


def start_not_found() -> None:
    """A container whose command does not exist says so"""
    with Pod("start") as pod:
        refuses("no such file", pod.create("bad", "/nosuch").start)


def limits_update_statistics() -> None:
    """Limits, their update in a running container, statistics"""
    with Pod("limits") as pod:
        container = pod.create("main", *_UNTIL_STOPPED).start()
        path = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
        if os.environ["CGROUP_VERSION"] == "2":
            path = "/sys/fs/cgroup/memory.max"
        assert container.output("cat", path).strip() == str(64 << 20)
        call("UpdateContainerResources", {1: container.id, 2: {1: 100000, 2: 20000, 4: 96 << 20}})
        assert container.output("cat", path).strip() == str(96 << 20)
        statistics = rpc.inner(call("ContainerStats", {1: container.id}), 1)
        assert 3 in statistics, "no memory in the statistics"


def log_and_terminal() -> None:
    """Logs in the kubelet's format; a terminal"""
    with Pod("log") as pod:
        container = pod.create("streams", "sh", "-c", "echo hello; echo bad >&2").start()
        container.log("stdout F hello")
        container.log("stderr F bad")
        pod.create("terminal", "tty", terminal=True).start().log("/dev/pts/")


def user_and_read_only() -> None:
    """runAsUser and a read-only root"""
    with Pod("user") as pod:
        container = pod.create("main", "sh", "-c", "id -u; touch /x", security={5: {1: 1000}, 7: True}).start()
        assert container.exit_status()[0] == 1
        container.log("F 1000")
        container.log("Read-only")


def bind_mount() -> None:
    """A read-only volume"""
    source = Path(os.environ["WORK"], "cri", "volume")
    source.write_text("data\n")
    with Pod("mount") as pod:
        mount: rpc.Message = {1: "/m", 2: str(source), 3: True}
        container = pod.create("main", "sh", "-c", "cat /m; echo x > /m", mounts=[mount]).start()
        container.log("F data")
        container.log("Read-only")


def capabilities() -> None:
    """All capabilities dropped, one added"""
    with Pod("capabilities") as pod:
        security: rpc.Message = {1: {1: ["NET_ADMIN"], 2: ["ALL"]}}
        container = pod.create("main", "grep", "CapEff", "/proc/self/status", security=security).start()
        container.log("0000000000001000")


def exit_code() -> None:
    """The exit status and its reason"""
    with Pod("exit") as pod:
        assert pod.create("main", "sh", "-c", "exit 42").start().exit_status() == (42, "Error")


def stop_with_grace() -> None:
    """A process that handles the stop signal ends with its own status"""
    with Pod("stop") as pod:
        container = pod.create("main", "sh", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done").start()
        container.log("up")
        container.stop(5)
        assert container.exit_status() == (0, "Completed")


def stop_by_force() -> None:
    """A process that ignores it is killed after the grace period"""
    with Pod("force") as pod:
        container = pod.create("main", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done").start()
        container.log("up")
        container.stop(1)
        assert container.exit_status()[0] == 137


def out_of_memory() -> None:
    """A container beyond its limit ends as OOMKilled"""
    eater = "sleep 0.5; dd if=/dev/zero of=/dev/null bs=200M count=1; s=$?; sleep 0.5; exit $s"
    with Pod("oom") as pod:
        container = pod.create("main", "sh", "-c", eater, limits={4: 20 << 20, 10: 20 << 20}).start()
        assert container.exit_status() == (137, "OOMKilled")


def shared_pid_namespace() -> None:
    """Containers of a pod see each other's processes when it shares them"""
    with Pod("pids", pid=POD) as pod:
        pod.create("first", "sleep", "4242").start()
        second = pod.create("second", *_UNTIL_STOPPED).start()
        assert "sleep 4242" in second.output("ps")


def pod_network() -> None:
    """A pod of its own network by CNI, with its host name"""
    with Pod("network", network=POD) as pod:
        container = pod.create("main", *_UNTIL_STOPPED).start()
        assert "198.18.0." in container.output("ip", "addr")
        assert container.output("hostname").strip() == "network"


def host_network() -> None:
    """hostNetwork: the pod is in the node's network namespace"""
    with Pod("host", network=NODE) as pod:
        container = pod.create("main", *_UNTIL_STOPPED).start()
        assert container.output("readlink", "/proc/self/ns/net").strip() == os.readlink("/proc/self/ns/net")


def remove_running() -> None:
    """A running container is removed"""
    with Pod("remove") as pod:
        container = pod.create("main", *_UNTIL_STOPPED).start()
        call("RemoveContainer", {1: container.id})
        refuses("not found", container.state)


def restart_in_pod() -> None:
    """A container that failed is followed by another one in the same pod"""
    with Pod("restart", network=POD) as pod:
        first = pod.create("main-0", "sh", "-c", "readlink /proc/self/ns/net; exit 1").start()
        assert first.exit_status()[0] == 1
        second = pod.create("main-1", *_UNTIL_STOPPED, limits=LIMITS).start()
        first.log(second.output("readlink", "/proc/self/ns/net").strip())


SCENARIOS = [
    version, sandbox_status, execute, execute_not_found, execute_timeout, start_not_found, limits_update_statistics,
    log_and_terminal, user_and_read_only, bind_mount, capabilities, exit_code, stop_with_grace, stop_by_force,
    out_of_memory, shared_pid_namespace, pod_network, host_network, remove_running, restart_in_pod,
]  # fmt: skip


def main(argument: str) -> None:
    """Run the scenario of this name, or do what the option says."""
    by_name = {scenario.__name__: scenario for scenario in SCENARIOS}
    if argument == "--list":
        print("\n".join(by_name))
    elif argument == "--remove-pods":
        remove_all_pods()
    else:
        by_name[argument]()


if __name__ == "__main__":
    main(sys.argv[1])
