# Limits and their statistics: Docker and Podman.

# Memory, swap and reservation are what was asked for
scenario_memory() {
    need_limits
    is "$(run --memory 64m "$image" cat "$(in_cgroup memory/memory.limit_in_bytes memory.max)")" 67108864
    [ "$CGROUP_VERSION" = 1 ] || return 0
    is "$(run --memory 64m --memory-swap 96m --memory-reservation 32m "$image" sh -c \
        'cd /sys/fs/cgroup/memory; cat memory.memsw.limit_in_bytes memory.soft_limit_in_bytes' | xargs)" "100663296 33554432"
}

# The smallest limit that Docker accepts, 6 MiB, leaves room for the runtime's own set-up
scenario_memory_smallest() {
    need_limits
    local i
    for i in 1 2 3; do is "$(run --memory 6m --memory-swap 6m "$image" echo "fits $i")" "fits $i"; done
    background m1 --memory 6m --memory-swap 6m "$image" sleep 100
    is "$(client exec m1 echo in)" in
    remove m1
}

# CPU quota, period and shares
scenario_cpu() {
    need_limits
    if [ "$CGROUP_VERSION" = 2 ]; then
        is "$(run --cpus 0.5 "$image" cat /sys/fs/cgroup/cpu.max)" "50000 100000"
        return
    fi
    is "$(run --cpus 0.5 "$image" sh -c 'cd /sys/fs/cgroup/cpu; cat cpu.cfs_quota_us cpu.cfs_period_us' | xargs)" \
        "50000 100000"
    is "$(run --cpu-shares 512 "$image" cat /sys/fs/cgroup/cpu/cpu.shares)" 512
    is "$(run --cpu-period 50000 --cpu-quota 10000 "$image" cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us)" 10000
}

# The set of processors and memory nodes
scenario_cpu_set() {
    need_limits
    is "$(process_status Cpus_allowed_list --cpuset-cpus 0)" 0
    is "$(run --cpuset-cpus 0 --cpuset-mems 0 "$image" cat "$(in_cgroup cpuset/cpuset.cpus cpuset.cpus)")" 0
}

# A limit of processes is there and holds
scenario_pids_limit() {
    need_limits
    is "$(run --pids-limit 20 "$image" cat "$(in_cgroup pids/pids.max pids.max)")" 20
    local output
    output=$(run --pids-limit 8 "$image" sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; wait' 2>&1) || true
    has "$output" fork
}

# update changes memory, CPU and pids of a running container
scenario_update() {
    need_limits
    local pids=(--pids-limit 33)
    client update --help 2>&1 | grep -q pids-limit || pids=()
    background u1 --memory 64m "$image" sleep 100
    client update --memory 96m --memory-swap 192m --cpus 0.25 "${pids[@]}" u1
    is "$(client exec u1 cat "$(in_cgroup memory/memory.limit_in_bytes memory.max)")" 100663296
    [ ${#pids[@]} = 0 ] || is "$(client exec u1 cat "$(in_cgroup pids/pids.max pids.max)")" 33
    [ "$CGROUP_VERSION" = 2 ] || is "$(client exec u1 cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us)" 25000
    remove u1
}

# A process beyond its limit is killed, and the engine knows why
scenario_out_of_memory() {
    need_limits
    client run "${run_options[@]}" --name oom --memory 20m --memory-swap 20m "$image" sh -c \
        'sleep 0.5; dd if=/dev/zero of=/dev/null bs=200M count=1; status=$?; sleep 0.5; exit $status' || true
    is "$(field oom .State.ExitCode)" 137
    # Podman 4 with conmon 2.1.6 puts the mark of cgroup v1 into the wrong directory.
    if [ "$engine" = docker ] || [ "$CGROUP_VERSION" = 2 ] || [ "$(podman_major)" -ge 5 ]; then
        is "$(field oom .State.OOMKilled)" true
    fi
    client rm oom
}

# stats shows memory and processes
scenario_stats() {
    need_limits
    background s1 --memory 64m "$image" sh -c 'while :; do sleep 0.01; done'
    sleep 0.5
    has "$(client stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' s1)" "s1 "
    remove s1
}

# Soft and hard resource limits of the process
scenario_ulimits() {
    # Podman adds an nproc above what root without CAP_SYS_RESOURCE may set, unless there is one.
    is "$(run --ulimit nproc=4000 --ulimit nofile=512:1024 "$image" sh -c 'ulimit -n; ulimit -Hn' | xargs)" "512 1024"
    is "$(run --ulimit nproc=4000 --ulimit nofile=512 --ulimit core=0 "$image" sh -c 'ulimit -c')" 0
}

# The score for the out-of-memory killer
scenario_oom_score() { is "$(run --oom-score-adj 321 "$image" cat /proc/self/oom_score_adj)" 321; }

# sysctls of the container's namespaces
scenario_sysctls() {
    is "$(run --sysctl net.ipv4.ip_default_ttl=77 "$image" cat /proc/sys/net/ipv4/ip_default_ttl)" 77
    is "$(run --sysctl kernel.msgmax=9999 "$image" cat /proc/sys/kernel/msgmax)" 9999
}
