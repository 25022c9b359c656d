#!/bin/bash
# times.sh ROUNDS NAME=PATH...: what a whole command of Docker and Podman takes with each runtime, and what stays in
# memory while a container runs, as Markdown.
#
# Runs inside "tests/clients/run RUNTIME shell". Every round takes all runtimes, each time another one first, so that
# the machine's load hits them alike; the figures are medians, and good as ratios only.
set -eu
export LC_ALL=C.UTF-8
rounds=$1
shift
names=() paths=()
for pair; do
    names+=("${pair%%=*}")
    paths+=("${pair#*=}")
done

. "$WORK/tests/engines/docker.sh"
_write_daemon_json() {
    local i entries=
    for i in "${!names[@]}"; do
        entries="$entries${entries:+, }\"tested-${names[i]}\": {\"path\": \"${paths[i]}\"}"
    done
    echo "{\"runtimes\": {$entries}}" >"$1"
}
start_dockerd && import_image

. "$WORK/tests/engines/podman.sh"
write_podman_configuration "$WORK/podman" && import_image

# command_of KIND NAME PATH: the words of one command.
command_of() {
    local docker="docker -H unix://$WORK/docker/docker.sock run --rm --runtime tested-$2"
    local podman="podman --runtime $3 run --rm --cgroup-parent $CGROUP_PARENT"
    case $1 in
    "docker run") echo "$docker busybox:latest true" ;;
    "docker run, no network") echo "$docker --network none busybox:latest true" ;;
    "docker run -m 6m") echo "$docker --network none -m 6m --memory-swap 6m busybox:latest true" ;;
    "podman run") echo "$podman localhost/busybox:latest true" ;;
    "podman run, no network") echo "$podman --network none localhost/busybox:latest true" ;;
    esac
}

# sample KIND INDEX: append the microseconds of one command to a file.
sample() {
    local words started
    read -ra words <<<"$(command_of "$1" "${names[$2]}" "${paths[$2]}")"
    started=${EPOCHREALTIME/./}
    "${words[@]}" >/dev/null
    echo $((${EPOCHREALTIME/./} - started)) >>"$WORK/times-$1-$2"
}

# memory_of ENGINE INDEX: append the KiB that a running container takes, its monitor and the program together.
memory_of() {
    local engine=(docker -H "unix://$WORK/docker/docker.sock") image=busybox:latest options=(--runtime "tested-${names[$2]}")
    if [ "$1" = podman ]; then
        engine=(podman --runtime "${paths[$2]}") image=localhost/busybox:latest options=(--cgroup-parent "$CGROUP_PARENT")
    fi
    "${engine[@]}" run -d --name weighed --network none "${options[@]}" $image sleep 1000 >/dev/null
    local pid monitor
    pid=$("${engine[@]}" inspect --format '{{.State.Pid}}' weighed)
    monitor=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
    awk '/^Pss:/ { kib += $2 } END { print kib }' "/proc/$pid/smaps_rollup" "/proc/$monitor/smaps_rollup" \
        >>"$WORK/memory-$1-$2"
    "${engine[@]}" rm -f weighed >/dev/null
}

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# print_table PREFIX UNIT ROW...: the medians of $WORK/PREFIX-ROW-INDEX, divided by UNIT, a column for each runtime.
print_table() {
    local prefix=$1 unit=$2 row cells i medians
    shift 2
    echo "| |$(printf ' %s |' "${names[@]}") ${names[0]} / ${names[1]} |"
    echo "|---|$(printf -- '---|%.0s' "${names[@]}")---|"
    for row; do
        cells='' medians=()
        for i in "${!names[@]}"; do
            medians+=("$(median "$WORK/$prefix-$row-$i")")
            cells="$cells $(awk "BEGIN { printf \"%.0f\", ${medians[i]} / $unit }") |"
        done
        echo "| $row |$cells $(awk "BEGIN { printf \"%.2f\", ${medians[0]} / ${medians[1]} }") |"
    done
    echo
}

load_before=$(cut -d' ' -f1 /proc/loadavg)
kinds=("docker run" "docker run, no network" "docker run -m 6m" "podman run" "podman run, no network")
for ((round = 0; round < rounds; round++)); do
    for kind in "${kinds[@]}"; do
        for ((i = 0; i < ${#names[@]}; i++)); do
            sample "$kind" $(((i + round) % ${#names[@]}))
        done
    done
    for engine in docker podman; do
        for ((i = 0; i < ${#names[@]}; i++)); do
            memory_of $engine $(((i + round) % ${#names[@]}))
        done
    done
done

echo "## Time of a whole command"
echo
echo "Milliseconds of wall time with \`busybox true\`, medians of $rounds, engine included, runtimes interleaved; load"
echo "average $load_before before and $(cut -d' ' -f1 /proc/loadavg) after, on $(nproc) processors."
echo
print_table times 1000 "${kinds[@]}"
echo "## Memory of a running container"
echo
echo "KiB of the monitor (the shim, conmon) and the program together, pages shared with others in parts (Pss); medians of"
echo "$rounds. No runtime is a part of it: each has ended by then, and what a runtime's own processes take at most is in"
echo "[performance](../explanation/performance.md)."
echo
print_table memory 1 docker podman
stop_dockerd
