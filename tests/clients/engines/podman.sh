# Podman as root, without systemd: the cgroupfs manager and a storage of its own.

engine_packages="podman conmon uidmap slirp4netns fuse-overlayfs catatonit netavark aardvark-dns"
scenario_files="streams lifecycle exec resources users files security namespaces networks podman podman_root"

# What Docker shows already through the same commands of the runtime; what Podman does in its own way stays.
quick_leaves_out="exit_code
signal_exit
stdin
create_start_attach
restart
wait_and_signals
stop_timeout
restart_policy
logs
ps_filter
short_lived
many_at_once
user_and_groups
environment
copy_commit_export
host_namespaces
network_none
network_host
network_of_another
cpu_set
capabilities
no_new_privileges
masked_paths
oom_score
sysctls"

command=(podman --runtime "$RUNTIME")
for word in $RUNTIME_FLAGS; do command+=(--runtime-flag "${word#--}"); done
image=localhost/busybox:latest
run_options=(--cgroup-parent "$CGROUP_PARENT")
pod_options=(--cgroup-parent "$CGROUP_PARENT")
remove_options=(-t 0)
export CONTAINERS_CONF=$WORK/podman/containers.conf CONTAINERS_STORAGE_CONF=$WORK/podman/storage.conf
export PODMAN_IGNORE_CGROUPSV1_WARNING=1

# Without our configuration, which may not be written yet.
engine_version() { env -u CONTAINERS_CONF -u CONTAINERS_STORAGE_CONF podman --version; }
podman_major() { engine_version | grep -o '[0-9]*' | head -1; }
# Podman 5 no longer gives MKNOD, AUDIT_WRITE and NET_RAW.
default_capabilities=$([ "$(podman_major)" -ge 5 ] && echo 00000000800405fb || echo 00000000a80425fb)

# write_podman_configuration DIRECTORY
write_podman_configuration() {
    local name=${RUNTIME##*/} files
    files=$(ulimit -Hn)
    mkdir -p "$1"
    {
        # Without CAP_SYS_RESOURCE Podman's own defaults cannot be set.
        printf '[containers]\nlog_driver = "k8s-file"\ndefault_ulimits = ["nofile=%s:%s", "nproc=16384:16384"]\n' \
            "$files" "$files"
        [ "$CGROUP_VERSION" = 1 ] || grep -qw pids /sys/fs/cgroup/cgroup.controllers || echo 'pids_limit = 0'
        printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        printf 'runtime = "%s"\nruntime_supports_json = ["%s"]\n' "$RUNTIME" "$name"
        # The key's real name, whatever its manual says; true of runtimes with --cgroup-manager=disabled.
        ! "$RUNTIME" --help 2>&1 | grep -q cgroup-manager || printf 'runtime_supports_nocgroup = ["%s"]\n' "$name"
    } >"$1/containers.conf"
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$1/root" "$1/run" >"$1/storage.conf"
}

import_image() {
    podman import -q -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        "$WORK/image/busybox.tar" "$image" >/dev/null
}

start_engine() { write_podman_configuration "$WORK/podman" && import_image; }
stop_engine() { remove_containers >/dev/null 2>&1; }

remove_containers() {
    "${command[@]}" pod rm -fa -t 0
    "${command[@]}" rm -fa -t 0
}
