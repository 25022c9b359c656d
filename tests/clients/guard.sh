# What a scenario must not leave behind: processes, mounts, cgroups, directories of the runtime. Sourced by inside.sh.

# What engines keep for later by design, as extended regular expressions of the lines below.
_engines_keep='^process [0-9]+ (catatonit|podman pause|aardvark-dns)$
^mount /run/netns$
^mount .*/netns/default$
^mount /var/lib/containers/storage/overlay$
^cgroup .*/(libpod_parent|conmon)$'

_processes() {
    local directory words
    for directory in /proc/[0-9]*; do
        words=$(tr '\0' ' ' <"$directory/cmdline" 2>/dev/null | cut -c1-80) || continue
        [ -n "$words" ] || words=$(cat "$directory/comm" 2>/dev/null) || continue
        echo "process ${directory#/proc/} ${words% }"
    done
}

_mounts() { awk '{ print "mount", $5 }' /proc/self/mountinfo; }

_cgroups() {
    find /sys/fs/cgroup -maxdepth 6 -type d \( -path "*$CGROUP_PARENT/*" -o -path "*/libpod_parent/*" \) 2>/dev/null |
        sed 's/^/cgroup /'
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
        # The pipeline's own processes are gone when it has been read.
        new=$(_everything | comm -13 "$WORK/before" - | grep -vE "$_engines_keep" | _still_there)
        [ -n "$new" ] || return 0
        [ "$(date +%s)" -lt $deadline ] || break
        sleep 0.2
    done
    echo "failed: left behind: $(paste -sd ';' <<<"$new")"
    return 1
}

# Of the lines read, print those that do not tell of a process that has ended.
_still_there() {
    local kind what rest
    while read -r kind what rest; do
        [ "$kind" = process ] && [ ! -e "/proc/$what" ] && continue
        echo "$kind $what $rest"
    done
}
