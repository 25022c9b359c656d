# Docker Swarm on two nodes: each is a dockerd in network, uts, mount and pid namespaces of its own.

. "$WORK/tests/engines/docker.sh"
engine_packages="docker.io"
scenario_files="swarm"
quick_leaves_out="rolling_update
node_lost"

_node_socket() { echo "$WORK/swarm/$1/docker.sock"; }
command=(docker -H "unix://$(_node_socket a)")
worker=(docker -H "unix://$(_node_socket b)")

declare -A _addresses=([a]=198.18.9.1 [b]=198.18.9.2)

# Two cables into one bridge.
_add_cables() {
    local node
    ip link add swarm type bridge
    ip link set swarm up
    for node in a b; do
        ip netns add $node
        ip link add cable-$node type veth peer name eth0 netns $node
        ip link set cable-$node master swarm up
        ip -n $node link set lo up
        ip -n $node address add "${_addresses[$node]}/24" dev eth0
        ip -n $node link set eth0 up
        ip -n $node route add default via 198.18.9.254
    done
}

# start_node NAME: in a pid namespace, so that killing its first process ends the node like a power failure. That
# process is a shell: dockerd would not wait for processes that lose their parent. Tried twice: after a power failure
# containerd may take longer than the 15 seconds that dockerd waits for it.
start_node() {
    _start_node_once "$1" && return
    kill_node "$1" || true
    _start_node_once "$1"
}

_start_node_once() {
    local directory=$WORK/swarm/$1 i
    mkdir -p "$directory"
    rm -f "$directory/pid"
    _write_daemon_json "$directory/daemon.json"
    # Swarm does not go with live-restore.
    sed -i '/live-restore/d; s/"default-runtime": "tested",/"default-runtime": "tested"/' "$directory/daemon.json"
    nsenter --net="/run/netns/$1" \
        unshare --uts --mount --pid --fork --mount-proc --kill-child=KILL \
        sh -c 'hostname "$1"; shift; "$@"; exit' - "node-$1" \
        dockerd --config-file "$directory/daemon.json" --data-root "$directory/data" --exec-root "$directory/run" \
        --pidfile "$directory/pid" --host "unix://$(_node_socket "$1")" --cgroup-parent "$CGROUP_PARENT/node-$1" \
        </dev/null >>"$directory/log" 2>&1 &
    echo $! >"$directory/node"
    disown
    for ((i = 0; i < 300; i++)); do
        docker -H "unix://$(_node_socket "$1")" version >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "node $1 did not start: $(tail -2 "$directory/log")"
    return 1
}

# kill_node NAME: nothing in it can say goodbye.
kill_node() { kill -KILL "$(cat "$WORK/swarm/$1/node")"; }

start_engine() {
    _add_cables
    start_node a && import_image || return
    start_node b && (
        command=("${worker[@]}")
        import_image
    ) || return
    "${command[@]}" swarm init --advertise-addr "${_addresses[a]}" --dispatcher-heartbeat 2s >/dev/null || return
    "${worker[@]}" swarm join --advertise-addr "${_addresses[b]}" \
        --token "$("${command[@]}" swarm join-token -q worker)" "${_addresses[a]}:2377" >/dev/null
}

stop_engine() {
    local node
    for node in a b; do kill_node $node; done
    ip netns del a
    ip netns del b
}

remove_containers() {
    local service
    for service in $("${command[@]}" service ls -q); do "${command[@]}" service rm "$service"; done
}
