# Buildah: commands in a working container, and builds.

# _from NAME [IMAGE]: a working container.
_from() { client from --isolation oci --name "$1" "${2-$image}" >/dev/null; }

# _run [OPTION...] NAME -- COMMAND...
_run() { client run --isolation oci --runtime "$RUNTIME" "$@"; }

_bud() { client bud --isolation oci --runtime "$RUNTIME" "$@"; }

# run: output and exit status
scenario_run() {
    _from w1
    is "$(_run w1 -- echo hi)" hi
    exits 7 _run w1 -- sh -c 'exit 7'
    exits 1 _run w1 -- nosuch
    client rm w1 >/dev/null
}

# run with a terminal
scenario_run_terminal() {
    _from w2
    has "$(in_terminal "$(words run -t --isolation oci --runtime "$RUNTIME" w2 -- tty)" < <(sleep 3))" /dev/
    client rm w2 >/dev/null
}

# run with standard input
scenario_run_stdin() {
    _from w3
    is "$(echo abc | _run w3 -- cat)" abc
    client rm w3 >/dev/null
}

# run: user, directory, environment, capabilities, volume, no network
scenario_run_options() {
    _from w4
    is "$(_run --user 1000 --workingdir /tmp --env A=b w4 -- sh -c 'echo $(id -u) $PWD $A')" "1000 /tmp b"
    is "$(_run --cap-drop ALL w4 -- grep CapEff /proc/self/status | cut -f2)" 0000000000000000
    echo v >"$scratch/v"
    is "$(_run -v "$scratch:/v:ro" w4 -- cat /v/v)" v
    is "$(_run --network none w4 -- sh -c 'ls /sys/class/net | wc -l')" 1
    client rm w4 >/dev/null
}

# A build with RUN as root and as a user; a failing RUN gives its exit status
scenario_build() {
    mkdir -p "$scratch/b"
    echo file >"$scratch/b/f"
    cat >"$scratch/b/Dockerfile" <<EOF
FROM $image
ARG A=1
COPY f /f
RUN echo "\$A \$(cat /f) \$(id -u)" > /out
USER 1000
RUN id -u > /tmp/uid
EOF
    _bud -q --build-arg A=5 -t bb "$scratch/b"
    _from w5 localhost/bb
    is "$(_run w5 -- cat /out /tmp/uid | xargs)" "5 file 0 1000"
    client rm w5 >/dev/null
    client rmi localhost/bb >/dev/null
    printf 'FROM %s\nRUN exit 9\n' "$image" >"$scratch/b/Dockerfile"
    exits 9 _bud "$scratch/b"
}

# A build with a memory limit, and a RUN without network
scenario_build_limits() {
    [ "$CGROUP_VERSION" = 1 ] || skip "written for cgroup v1"
    mkdir -p "$scratch/b"
    cat >"$scratch/b/Dockerfile" <<EOF
FROM $image
RUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes
RUN --network=none ls /sys/class/net
EOF
    has "$(_bud --memory 64m --cgroup-parent "$CGROUP_PARENT" --no-cache "$scratch/b" 2>&1)" 67108864
}

# commit: the next container sees what the first one wrote
scenario_commit() {
    _from w6
    _run w6 -- sh -c 'echo c > /c'
    client commit -q w6 ci >/dev/null
    _from w7 localhost/ci
    is "$(_run w7 -- cat /c)" c
    client rm w6 w7 >/dev/null
    client rmi localhost/ci >/dev/null
}
