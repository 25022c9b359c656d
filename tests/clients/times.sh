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

median_ms() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.0f", v[int((NR + 1) / 2)] / 1000 }'; }

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
echo "| |$(printf ' %s |' "${names[@]}") ${names[0]} / ${names[1]} |"
echo "|---|$(printf -- '---|%.0s' "${names[@]}")---|"
for kind in "${kinds[@]}"; do
    row="| $kind |"
    for i in "${!names[@]}"; do row="$row $(median_ms "$WORK/times-$kind-$i") |"; done
    ratio=$(awk "BEGIN { printf \"%.2f\", $(median_ms "$WORK/times-$kind-0") / $(median_ms "$WORK/times-$kind-1") }")
    echo "$row $ratio |"
done
echo
echo "## Memory of a running container"
echo
echo "KiB of the monitor (the shim, conmon) and the program together, pages shared with others in parts (Pss); medians of"
echo "$rounds. No runtime is a part of it: each has ended by then, and what a runtime's own processes take at most is in"
echo "[performance](../explanation/performance.md)."
echo
echo "| |$(printf ' %s |' "${names[@]}") ${names[0]} / ${names[1]} |"
echo "|---|$(printf -- '---|%.0s' "${names[@]}")---|"
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for engine in docker podman; do
    row="| $engine |"
    for i in "${!names[@]}"; do row="$row $(median "$WORK/memory-$engine-$i") |"; done
    ratio=$(awk "BEGIN { printf \"%.2f\", $(median "$WORK/memory-$engine-0") / $(median "$WORK/memory-$engine-1") }")
    echo "$row $ratio |"
done
echo
stop_dockerd
