# The path of Kubernetes: containerd's CRI with a RuntimeClass handler of its own, called over gRPC as a kubelet does.

engine_packages="containerd containernetworking-plugins curl python3-minimal"
scenario_files=

_socket=$WORK/cri/containerd.sock
image=localhost/busybox:latest
export CRI_SOCKET=$_socket CRI_IMAGE=$image

engine_version() { containerd --version; }
_scenarios() { cd "$WORK" && timeout -k 5 "$TIMEOUT_S" /usr/bin/python3 -m tests.cri.scenarios "$@"; }
list_scenarios() { _scenarios --list; }
run_scenario() { _scenarios "$1"; }

start_engine() {
    local directory=$WORK/cri i
    mkdir -p "$directory/cni"
    _write_network >"$directory/cni/10-bridge.conflist"
    _write_configuration >"$directory/config.toml"
    setsid containerd -c "$directory/config.toml" </dev/null >"$directory/log" 2>&1 &
    echo $! >"$directory/pid"
    for ((i = 0; i < 200; i++)); do
        ctr -a "$_socket" version >/dev/null 2>&1 && break
        sleep 0.1
    done
    # The container that holds a pod's namespaces runs this image too: its command sleeps.
    ctr -a "$_socket" -n k8s.io image import "$WORK/image/pause.tar" >/dev/null
}

_write_network() {
    cat <<EOF
{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [{
    "type": "bridge",
    "bridge": "cni0",
    "isGateway": true,
    "ipam": {
      "type": "host-local",
      "ranges": [[{"subnet": "198.18.0.0/24"}]],
      "dataDir": "$WORK/cri/ipam"
    }
  }]
}
EOF
}

# containerd 2 has moved the properties of its CRI plugin.
_write_configuration() {
    local plugin=io.containerd.grpc.v1.cri version=2 bin_dir='bin_dir = "/usr/lib/cni"'
    local sandbox_image="sandbox_image = \"$image\"" pinned=
    if containerd --version | grep -qE '[ /]v?2\.'; then
        plugin=io.containerd.cri.v1.runtime version=3 bin_dir='bin_dirs = ["/usr/lib/cni"]' sandbox_image=
        pinned="[plugins.\"io.containerd.cri.v1.images\".pinned_images]
  sandbox = \"$image\""
    fi
    cat <<EOF
version = $version
root = "$WORK/cri/root"
state = "$WORK/cri/state"

[grpc]
  address = "$_socket"

[plugins."$plugin"]
  $sandbox_image
  restrict_oom_score_adj = true

[plugins."$plugin".cni]
  $bin_dir
  conf_dir = "$WORK/cri/cni"

[plugins."$plugin".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."$plugin".containerd.runtimes.tested]
  runtime_type = "io.containerd.runc.v2"

[plugins."$plugin".containerd.runtimes.tested.options]
  BinaryName = "$RUNTIME"
  SystemdCgroup = false

$pinned
EOF
}

stop_engine() {
    local pid
    pid=$(cat "$WORK/cri/pid")
    kill "$pid" && wait "$pid"
}

remove_containers() { _scenarios --remove-pods; }
