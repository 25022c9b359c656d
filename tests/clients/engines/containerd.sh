# containerd without Kubernetes: its ctr client and the runc v2 shim.

engine_packages="containerd"
scenario_files="containerd"

_socket=$WORK/containerd/containerd.sock
command=(ctr -a "$_socket")
image=localhost/busybox:latest

engine_version() { containerd --version; }

start_engine() {
    local directory=$WORK/containerd i
    mkdir -p "$directory"
    cat >"$directory/config.toml" <<EOF
version = 2
root = "$directory/root"
state = "$directory/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]

[grpc]
  address = "$_socket"
EOF
    setsid containerd -c "$directory/config.toml" </dev/null >"$directory/log" 2>&1 &
    echo $! >"$directory/pid"
    for ((i = 0; i < 200; i++)); do
        "${command[@]}" version >/dev/null 2>&1 && break
        sleep 0.1
    done
    "${command[@]}" image import "$WORK/image/archive.tar" >/dev/null
}

stop_engine() {
    local pid
    pid=$(cat "$WORK/containerd/pid")
    kill "$pid" && wait "$pid"
}

remove_containers() {
    local container
    for container in $("${command[@]}" container ls -q); do
        "${command[@]}" task kill -s KILL "$container"
        sleep 0.5
        "${command[@]}" task rm -f "$container"
        "${command[@]}" container rm "$container"
    done
}
