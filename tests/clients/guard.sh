# What a scenario must not leave behind: processes, mounts, cgroups, directories of the runtime. Sourced by inside.sh.

# What engines keep for later by design, as extended regular expressions of the lines below; the last one is the cgroup
# of a pod, which Podman 4 forgets in the hierarchy without a controller.
_engines_keep='^process [0-9]+ (catatonit|podman pause|/usr/lib/podman/aardvark-dns .*)$
^process [0-9]+ ([^ ]*/)?(dockerd|containerd) 
^process [0-9]+ (unshare --uts --mount --pid|sh -c hostname) 
^mount /run/netns$
^mount .*/netns/default$
^mount .*/overlay$
^cgroup .*/(conmon|buildkit)$
^cgroup .*/node-[ab]$
^cgroup /sys/fs/cgroup/systemd/[^/]+/[0-9a-f]{64}$'

_processes() { ps -eo pid=,args= | sed 's/^ */process /' | cut -c1-120; }

_mounts() { awk '{ print "mount", $5 }' /proc/self/mountinfo; }

_cgroups() {
    find /sys/fs/cgroup -maxdepth 6 -type d -path "*$CGROUP_PARENT/*" 2>/dev/null | sed 's/^/cgroup /'
}

# One directory for each container, wherever an engine or the runtime's own default puts them.
_runtime_directories() {
    local directory
    for directory in "/run/$(basename "$RUNTIME")"/* /run/docker/runtime-*/*/* /run/containerd/runc/*/* \
        "$WORK"/user-run/"$(basename "$RUNTIME")"/*; do
        [ ! -d "$directory" ] || echo "state $directory"
    done
}

_everything() {
    {
        _mounts
        _cgroups
        _runtime_directories
        _processes
    } | sort
}

# Remember what is there before a scenario.
remember_everything() { _everything >"$WORK/before"; }

# Print what is new since then and stays for ten seconds; fail if there is anything.
nothing_is_left() {
    local deadline=$(($(date +%s) + 10)) new
    while :; do
        _everything >"$WORK/after"
        new=$(comm -13 "$WORK/before" "$WORK/after" | grep -vE "$_engines_keep")
        new=$(_still_there <<<"$new")
        [ -n "$new" ] || return 0
        [ "$(date +%s)" -lt $deadline ] || break
        sleep 0.2
    done
    echo "failed: left behind: $(paste -sd ';' <<<"$new")"
    return 1
}

# Of the lines read, print those that do not tell of a process that has ended, such as one that wrote the list.
_still_there() {
    local kind what rest
    while read -r kind what rest; do
        [ -n "$kind" ] || continue
        [ "$kind" = process ] && [ ! -e "/proc/$what" ] && continue
        echo "$kind $what $rest"
    done
}
