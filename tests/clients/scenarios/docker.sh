# What only Docker has.

# info lists the runtime; it is the default and can be named
scenario_info() {
    has "$(client info -f '{{json .Runtimes}}')" "$RUNTIME"
    is "$(client info -f '{{.DefaultRuntime}}')" tested
    is "$(run --runtime tested "$image" echo r)" r
}

# A runtime that is not configured is refused by its name
scenario_unknown_runtime() { refuses nope run --runtime nope "$image" true; }

# runtimeArgs --debug and --systemd-log: containers run, and the reason of a failure still reaches the user
scenario_runtime_arguments() {
    "$RUNTIME" --help 2>&1 | grep -q systemd-log || skip "the runtime has no --systemd-log"
    is "$(run --runtime tested-verbose "$image" echo r)" r
    refuses "nosuch" run --runtime tested-verbose "$image" nosuch
}

# Health checks: healthy, then unhealthy
scenario_health_check() {
    background h1 --health-cmd 'test -e /tmp/ok' --health-interval 0.3s --health-retries 2 "$image" \
        sh -c 'sleep 1; touch /tmp/ok; sleep 2; rm /tmp/ok; sleep 100'
    within 15 field_is h1 .State.Health.Status healthy
    within 15 field_is h1 .State.Health.Status unhealthy
    remove h1
}

# _events SINCE CONTAINER: what happened to it, with exit codes.
_events() {
    client events --since "$1" --until "$(($(date +%s) + 1))" --filter container="$2" \
        --format '{{.Action}} {{.Actor.Attributes.exitCode}}'
}

# events: create, start, die with its exit code, destroy
scenario_events() {
    local since found
    since=$(date +%s)
    run --name ev "$image" sh -c 'exit 4' || true
    found=$(_events "$since" ev)
    has "$found" create
    has "$found" start
    has "$found" 'die 4'
    has "$found" destroy
}

# events: out of memory
scenario_out_of_memory_event() {
    need_limits
    local since
    since=$(date +%s)
    run --name oe -m 20m --memory-swap 20m "$image" sh -c 'dd if=/dev/zero of=/dev/null bs=200M count=1' || true
    has "$(_events "$since" oe)" oom
}

# A classic build: RUN as root and as a user, arguments, a failing RUN
scenario_build() {
    mkdir -p "$scratch/b"
    echo file >"$scratch/b/f"
    cat >"$scratch/b/Dockerfile" <<EOF
FROM $image
ARG A=1
ENV E=env
WORKDIR /w
COPY f .
RUN echo "\$A \$E \$(cat f)" > out && id -u >> out
USER 1000
RUN id -u > /tmp/uid; echo built
CMD ["cat","out"]
EOF
    DOCKER_BUILDKIT=0 client build -q --build-arg A=2 -t built "$scratch/b"
    is "$(run built | xargs)" "2 env file 0"
    is "$(run built cat /tmp/uid)" 1000
    client rmi built >/dev/null
    printf 'FROM %s\nRUN exit 9\n' "$image" >"$scratch/b/Dockerfile"
    DOCKER_BUILDKIT=0 refuses "code: 9" client build --rm --force-rm "$scratch/b"
}

# A build with BuildKit
scenario_build_with_buildkit() {
    local docker=docker
    # Docker 23 moved the client's part into a plugin; Debian 12's own client still has it.
    if ! client buildx version >/dev/null 2>&1; then docker=/usr/bin/docker; fi
    [ $docker = docker ] || $docker --version | grep -q ' 20\.' || skip "no buildx client"
    mkdir -p "$scratch/b"
    printf 'FROM %s\nRUN echo bk > /out\n' "$image" >"$scratch/b/Dockerfile"
    DOCKER_BUILDKIT=1 "$docker" "${command[@]:1}" build -q -t bk "$scratch/b"
    is "$(run bk cat /out)" bk
    client rmi bk >/dev/null
}

# A network of one's own, with names
scenario_network_of_users() {
    client network create n1 >/dev/null
    background srv --network n1 "$image" sleep 100
    run --network n1 "$image" ping -c1 -w3 srv >/dev/null
    remove srv
    client network rm n1 >/dev/null
}

# A network connected to a running container
scenario_network_connect() {
    client network create n2 >/dev/null
    background nc "$image" sleep 100
    client network connect n2 nc
    is "$(client exec nc sh -c 'ls /sys/class/net | wc -l')" 3
    remove nc
    client network rm n2 >/dev/null
}

# cgroup namespaces, private and the host's
scenario_cgroup_namespaces() {
    [ "$CGROUP_VERSION" = 1 ] || skip "written for cgroup v1"
    is "$(run --cgroupns private "$image" sh -c 'grep :memory: /proc/self/cgroup')" \
        "$(grep -o '^[0-9]*:memory:' /proc/self/cgroup)/"
    has "$(run --cgroupns host "$image" cat /proc/self/cgroup)" "$CGROUP_PARENT"
}

# Throttling of a block device
scenario_block_io() {
    [ -e /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device ] || skip "no throttling of block devices in this kernel"
    local device kept
    device=$(findmnt -no SOURCE / | sed 's,\[.*,,; s,[0-9]*$,,')
    [ -b "$device" ] || skip "the root is on no block device"
    client create --name bk --device-read-bps "$device:1mb" "$image" true
    kept=$(field bk 'json .HostConfig.BlkioDeviceReadBps')
    remove bk
    case $kept in *1048576*) ;; *) skip "this docker drops --device-read-bps" ;; esac
    has "$(run --device-read-bps "$device:1mb" "$image" cat /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device)" 1048576
}

# Swappiness, and a container that the out-of-memory killer spares
scenario_swappiness() {
    [ "$CGROUP_VERSION" = 1 ] || skip "of cgroup v1"
    is "$(run --memory-swappiness 11 -m 64m "$image" cat /sys/fs/cgroup/memory/memory.swappiness)" 11
    has "$(run --oom-kill-disable -m 64m "$image" cat /sys/fs/cgroup/memory/memory.oom_control)" "oom_kill_disable 1"
}

# systempaths=unconfined: nothing of /proc is masked
scenario_unmasked_paths() {
    is "$(run --security-opt systempaths=unconfined "$image" sh -c 'mount | grep -c "/proc/"' || true)" 0
}

# docker-compose: two services that reach each other
scenario_compose() {
    mkdir -p "$scratch/c"
    cat >"$scratch/c/docker-compose.yml" <<EOF
version: "2.4"
services:
  a:
    image: $image
    command: sleep 100
    mem_limit: 64m
  b:
    image: $image
    command: ["sh", "-c", "ping -c1 -w5 a && echo pinged"]
    depends_on: [a]
EOF
    cd "$scratch/c"
    export DOCKER_HOST=unix://$WORK/docker/docker.sock
    docker-compose -p c up -d
    within 10 _compose_pinged
    docker-compose -p c down -t 0
}

_compose_pinged() { docker-compose -p c logs b 2>&1 | grep -q pinged; }

# The daemon is killed: containers live on, and the next daemon finds them
scenario_live_restore() {
    local pid
    background lr "$image" sh -c 'while :; do date +%s >> /tmp/l; sleep 0.1; done'
    pid=$(field lr .State.Pid)
    kill -9 "$(cat "$WORK/docker/pid")"
    sleep 1
    [ -d "/proc/$pid" ] || fail "the container died with dockerd"
    start_dockerd || fail "dockerd did not come back"
    is "$(field lr .State.Running)" true
    is "$(client exec lr echo again)" again
    client stop -t 0 lr
    is "$(field lr .State.ExitCode)" 137
    client rm lr
}

# A daemon that gives containers a user namespace
scenario_userns_remap() {
    local directory=$WORK/remap
    start_dockerd "$directory" --userns-remap=remap --bridge=none --iptables=false || fail "dockerd did not start"
    trap 'stop_dockerd "$WORK/remap"' EXIT
    command=(docker -H "unix://$directory/docker.sock")
    run_options=(--network none)
    import_image
    is "$(run "$image" cat /proc/self/uid_map | xargs)" "0 300000 65536"
    is "$(run "$image" id -u)" 0
    background ux "$image" sleep 100
    is "$(stat -c %u "/proc/$(field ux .State.Pid)")" 300000
    is "$(client exec ux id -u)" 0
    remove ux
    is "$(run --userns host "$image" cat /proc/self/uid_map | xargs)" "0 0 4294967295"
    is "$(run --read-only -u 1000 -v "$scratch:/t" "$image" id -u)" 1000
}
