# The cgroups that engines make on this machine, v1 and v2 alike. Sourced.

# What engines put at the top of a hierarchy whatever parent they are told to use.
_engine_parents="libpod_parent buildah-* default k8s.io"

# Print every cgroup near the top of each hierarchy.
list_cgroups() { ls -d /sys/fs/cgroup/*/ /sys/fs/cgroup/*/*/ 2>/dev/null | sed 's,/$,,'; }

# Remove the cgroups of the run with this work directory, and what its engines made beside them.
remove_cgroups() {
    local hierarchy parent directory
    for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
        for parent in "$(basename "$1")" $_engine_parents; do
            # shellcheck disable=SC2231
            for directory in $hierarchy/$parent; do
                [ -d "$directory" ] || continue
                grep -qx "$directory" "$1/cgroups-before" && continue
                find "$directory" -depth -type d -exec rmdir {} + 2>/dev/null
            done
        done
    done
}
