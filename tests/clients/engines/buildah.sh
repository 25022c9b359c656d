# Buildah with its OCI isolation: every RUN of a build is a container of the runtime.

engine_packages="buildah netavark aardvark-dns"
scenario_files="buildah"

command=(buildah --root "$WORK/buildah/root" --runroot "$WORK/buildah/run" --storage-driver overlay)
image=localhost/busybox:latest
export CONTAINERS_CONF=$WORK/buildah/containers.conf

engine_version() { env -u CONTAINERS_CONF buildah --version; }

start_engine() {
    local files
    files=$(ulimit -Hn)
    mkdir -p "$WORK/buildah"
    printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=16384:16384"]\n[engine]\ncgroup_manager = "cgroupfs"\n' \
        "$files" "$files" >"$CONTAINERS_CONF"
    "${command[@]}" pull -q "docker-archive:$WORK/image/archive.tar" >/dev/null
}

stop_engine() { remove_containers >/dev/null; }
remove_containers() { "${command[@]}" rm -a; }
