# Podman as an ordinary user with subordinate ids, slirp4netns and fuse-overlayfs.

. "$WORK/tests/engines/podman.sh"
engine_packages="podman conmon uidmap slirp4netns fuse-overlayfs catatonit netavark aardvark-dns"
scenario_files="streams lifecycle exec resources users files security namespaces networks podman podman_rootless"
run_options=()
pod_options=()
_home=$WORK/home

# as_user SHELL_COMMAND: run it as a login of that user would.
as_user() {
    cd "$_home" && env -i PATH="$PATH" HOME="$_home" USER=user LOGNAME=user TERM=xterm LC_ALL=C.UTF-8 TMPDIR="$TMPDIR" \
        XDG_RUNTIME_DIR="$WORK/user-run" CONTAINERS_CONF="$_home/containers.conf" \
        CONTAINERS_STORAGE_CONF="$_home/storage.conf" PODMAN_IGNORE_CGROUPSV1_WARNING=1 \
        WORK="$WORK" RUNTIME="$RUNTIME" RUNTIME_FLAGS="$RUNTIME_FLAGS" \
        CGROUP_PARENT="$CGROUP_PARENT" CGROUP_VERSION="$CGROUP_VERSION" \
        setpriv --reuid user --regid user --init-groups --inh-caps=-all bash -c "$1"
}

if [ "$(id -u)" != 0 ]; then
    CONTAINERS_CONF=$_home/containers.conf CONTAINERS_STORAGE_CONF=$_home/storage.conf
fi

start_engine() {
    write_podman_configuration "$_home"
    mkdir -p "$WORK/user-run" "$WORK/scratch"
    chmod 700 "$WORK/user-run"
    chmod 1777 "$WORK/scratch"
    chown -R user:user "$_home" "$WORK/user-run"
    as_user "$(printf '%q --version' "$RUNTIME") >/dev/null" || {
        echo "an ordinary user cannot run $RUNTIME: is it, or its Python, below a private directory such as /root?"
        return 1
    }
    (as_user "$(declare -f import_image); image=$image; import_image")
}

run_scenario() { (as_user "exec timeout -k 5 $TIMEOUT_S bash $WORK/tests/scenario.sh $engine $1"); }
stop_engine() { remove_containers >/dev/null 2>&1; }

remove_containers() {
    (as_user "podman --runtime $(printf %q "$RUNTIME") pod rm -fa -t 0; podman rm -fa -t 0")
}
