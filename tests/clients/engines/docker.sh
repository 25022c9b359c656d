# Docker: a daemon with the runtime as its default, and its client.

engine_packages="docker.io docker-compose"
scenario_files="streams lifecycle exec resources users files security namespaces networks docker"

command=(docker -H "unix://$WORK/docker/docker.sock")
image=busybox:latest
run_options=()
remove_options=()
default_capabilities=00000000a80425fb

engine_version() { dockerd --version; }

# start_dockerd [DIRECTORY [OPTION...]]: return when the daemon answers; its state and log are below DIRECTORY.
start_dockerd() {
    local directory=${1-$WORK/docker} i
    shift || true
    mkdir -p "$directory" "$WORK/bin"
    rm -f "$directory/pid"
    _write_daemon_json "$directory/daemon.json"
    ln -sf "$RUNTIME" "$WORK/bin/runc" # BuildKit runs what is called runc in dockerd's PATH
    PATH=$WORK/bin:$PATH setsid dockerd --config-file "$directory/daemon.json" --data-root "$directory/data" \
        --exec-root "$directory/run" --pidfile "$directory/pid" --host "unix://$directory/docker.sock" \
        --cgroup-parent "$CGROUP_PARENT" "$@" </dev/null >>"$directory/log" 2>&1 &
    for ((i = 0; i < 300; i++)); do
        docker -H "unix://$directory/docker.sock" version >/dev/null 2>&1 && return
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    echo "dockerd did not start: $(tail -2 "$directory/log")"
    return 1
}

_write_daemon_json() {
    local word arguments=
    for word in $RUNTIME_FLAGS; do arguments="$arguments${arguments:+, }\"$word\""; done
    cat >"$1" <<EOF
{
  "runtimes": {
    "tested": {"path": "$RUNTIME", "runtimeArgs": [$arguments]},
    "tested-verbose": {"path": "$RUNTIME", "runtimeArgs": ["--debug", "--systemd-log"]}
  },
  "default-runtime": "tested",
  "live-restore": true
}
EOF
}

# stop_dockerd [DIRECTORY]
stop_dockerd() {
    local pidfile=${1-$WORK/docker}/pid i
    kill "$(cat "$pidfile")"
    for ((i = 0; i < 150; i++)); do
        [ -e "$pidfile" ] || return 0
        sleep 0.1
    done
}

import_image() {
    "${command[@]}" import -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'CMD ["sh"]' \
        "$WORK/image/busybox.tar" "$image" >/dev/null
}

start_engine() { start_dockerd && import_image; }
stop_engine() { stop_dockerd; }

remove_containers() {
    # shellcheck disable=SC2046
    "${command[@]}" rm -f $("${command[@]}" ps -aq)
    "${command[@]}" network prune -f
    "${command[@]}" volume prune -f
}
