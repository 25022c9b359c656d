# containerd's own client. Its "ctr run" wants a name for each container; here it is always c1.

_run_options() {
    printf '%s\n' --runtime io.containerd.runc.v2 --runc-binary "$RUNTIME" --cgroup "$CGROUP_PARENT/ctr-$scenario"
}
run() {
    mapfile -t options < <(_run_options)
    client run --rm "${options[@]}" "$@"
}
background() {
    mapfile -t options < <(_run_options)
    client run -d "${options[@]}" "$@"
}
_task_is() { client task ls | grep -q "^$1 .*$2"; }

# The task's removal may be done by its own end already.
remove() {
    client task kill -s KILL "$1" || true
    within 10 _task_has_ended "$1"
    client task rm "$1" >/dev/null 2>&1 || true
    client container rm "$1"
}
_task_has_ended() { ! _task_is "$1" RUNNING; }

# Output of a container reaches the caller
scenario_echo() { is "$(run "$image" c1 echo hi)" hi; }

# The caller gets the exit status of the process
scenario_exit_code() { exits 7 run "$image" c1 sh -c 'exit 7'; }

# A command that does not exist is named
scenario_not_found() {
    refuses nosuch run "$image" c1 nosuch
    client container rm c1 2>/dev/null || true
}

# Standard input
scenario_stdin() {
    # One line only: ctr 1.6 never hands on the end of its input.
    is "$(echo abc | run "$image" c1 sh -c 'read x; echo "<$x>"')" "<abc>"
}

# A terminal
scenario_terminal() {
    local options
    mapfile -t options < <(_run_options)
    has "$(in_terminal "$(words run --rm -t "${options[@]}" "$image" c1 tty)" < <(sleep 3))" /dev/
}

# A container in the background, exec with output and exit status, its processes
scenario_detached() {
    background "$image" c1 sleep 100
    within 5 _task_is c1 RUNNING
    # ctr may lose what a very short process says.
    is "$(client task exec --exec-id x1 c1 sh -c 'echo in; sleep 0.5')" in
    exits 5 client task exec --exec-id x2 c1 sh -c 'exit 5'
    has "$(client task ps c1)" "$(client task ls | awk '/^c1 /{ print $2 }')"
    remove c1
}

# exec with a terminal
scenario_exec_terminal() {
    background "$image" c1 sleep 100
    has "$(in_terminal "$(words task exec -t --exec-id x1 c1 tty)" < <(sleep 3))" /dev/
    remove c1
}

# pause and resume
scenario_pause() {
    background "$image" c1 sleep 100
    client task pause c1
    _task_is c1 PAUSED
    client task resume c1
    _task_is c1 RUNNING
    remove c1
}

# Metrics of the cgroup
scenario_metrics() {
    background --memory-limit 67108864 "$image" c1 sleep 100
    has "$(client task metrics c1)" memory
    remove c1
}

# Limits of memory and CPU, seen through a cgroup mount
scenario_limits() {
    [ "$CGROUP_VERSION" = 1 ] || skip "written for cgroup v1"
    is "$(run --memory-limit 67108864 --cpus 0.5 --mount type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro "$image" c1 \
        sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us' | xargs)" "67108864 50000"
}

# --privileged may mount
scenario_privileged() { run --privileged "$image" c1 sh -c 'mkdir /tmp/m; mount -t tmpfs t /tmp/m'; }

# User, environment, working directory
scenario_user_environment_directory() {
    local user=()
    ! client run --help | grep -q -- '--user ' || user=(--user 1000:1000)
    is "$(run "${user[@]}" --env A=b --cwd /tmp "$image" c1 sh -c 'echo $(id -u) $A $PWD')" "$([ ${#user[@]} = 0 ] && echo 0 || echo 1000) b /tmp"
}

# A read-only root
scenario_read_only() { exits 1 run --read-only "$image" c1 touch /x; }

# A bind mount
scenario_bind_mount() {
    echo m >"$scratch/m"
    is "$(run --mount "type=bind,src=$scratch,dst=/t,options=rbind:ro" "$image" c1 cat /t/m)" m
}

# A capability less
scenario_capabilities() {
    is "$(run --cap-drop CAP_CHOWN "$image" c1 grep CapEff /proc/self/status | tail -c2)" a
}

# The default seccomp filter, and none
scenario_seccomp() {
    is "$(run --seccomp "$image" c1 grep Seccomp: /proc/self/status | cut -f2)" 2
    is "$(run "$image" c1 grep Seccomp: /proc/self/status | cut -f2)" 0
}

# The host's network namespace, and one by its path
scenario_network_namespaces() {
    is "$(run --net-host "$image" c1 readlink /proc/self/ns/net)" "$(namespace net)"
    ip netns add joined
    trap 'ip netns del joined' EXIT
    is "$(run --with-ns network:/run/netns/joined "$image" c1 readlink /proc/self/ns/net)" \
        "net:[$(stat -L -c %i /run/netns/joined)]"
}

# A directory as root file system
scenario_rootfs() {
    mkdir -p "$scratch/r"
    tar -C "$scratch/r" -xf "$WORK/image/busybox.tar"
    is "$(run --rootfs "$scratch/r" c1 /bin/echo rootfs)" rootfs
}

# --no-pivot
scenario_no_pivot() { is "$(run --no-pivot "$image" c1 echo np)" np; }

# A user namespace
scenario_uid_maps() {
    has "$(run --uidmap 0:300000:65536 --gidmap 0:300000:65536 "$image" c1 cat /proc/self/uid_map 2>&1 | xargs)" "300000"
}

# A signal by its name
scenario_kill_signal() {
    background "$image" c1 sh -c 'trap "exit 9" USR1; while :; do sleep 0.1; done'
    sleep 0.5
    client task kill -s USR1 c1
    within 5 _task_is c1 STOPPED
    client task rm c1 || true
    client container rm c1
}

# kill --all reaches every process
scenario_kill_all() {
    background "$image" c1 sh -c 'sleep 333 & sleep 334 & wait'
    sleep 0.3
    client task kill -a -s KILL c1
    within 5 _task_is c1 STOPPED
    client task rm c1 >/dev/null 2>&1 || true
    client container rm c1
}

# A resource limit of the process
scenario_rlimit() {
    client run --help | grep -q rlimit-nofile || skip "ctr 1.6 has no --rlimit-nofile"
    is "$(run --rlimit-nofile 512 "$image" c1 sh -c 'ulimit -n')" 512
}

# A device of the host
scenario_device() { is "$(run --device /dev/zero "$image" c1 sh -c 'head -c3 /dev/zero | wc -c')" 3; }
