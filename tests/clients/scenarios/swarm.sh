# Docker Swarm: a service on two nodes, and the loss of one.

worker() { "${worker[@]}" "$@"; }

_replicas_are() { [ "$(client service ls --filter "name=$1" --format '{{.Replicas}}')" = "$2" ]; }
_nodes_of() { client service ps "$1" --filter desired-state=running --format '{{.Node}}' | sort | uniq -c | xargs; }
_node_is() { client node ls --format '{{.Hostname}} {{.Status}}' | grep -qx "node-$1 $2"; }
_has_no_container() { [ -z "$("$@" ps -aq)" ]; }

# _service NAME REPLICAS [OPTION...]: of containers that answer a stop signal.
_service() {
    local name=$1 replicas=$2
    shift 2
    client service create --name "$name" --replicas "$replicas" --detach --no-resolve-image --stop-grace-period 1s "$@" \
        "$image" sh -c 'echo "task $TASK"; exec sleep 1000'
    within 60 _replicas_are "$name" "$replicas/$replicas"
}

_remove_service() {
    client service rm "$1"
    within 30 _has_no_container client
    within 30 _has_no_container worker
}

# Two nodes are ready, one of them manages
scenario_nodes() {
    within 20 _node_is a Ready
    within 20 _node_is b Ready
    is "$(client info -f '{{.Swarm.Managers}} {{.Swarm.Nodes}}')" "1 2"
}

# A service runs on both nodes; scaled up it spreads evenly
scenario_scale() {
    _service web 2
    is "$(_nodes_of web)" "1 node-a 1 node-b"
    client service scale --detach web=4
    within 60 _replicas_are web 4/4
    is "$(_nodes_of web)" "2 node-a 2 node-b"
    _remove_service web
}

# Tasks have the limits and the environment of the service; its logs come from both nodes
scenario_limits_and_logs() {
    need_limits
    local one
    _service web 2 --limit-memory 32M --limit-cpu 0.5 --env 'TASK={{.Task.Slot}}'
    one=$(worker ps -q)
    is "$(worker exec "$one" cat "$(in_cgroup memory/memory.limit_in_bytes memory.max)")" 33554432
    within 20 _logs_have_both_tasks
    _remove_service web
}

_logs_have_both_tasks() { [ "$(client service logs --raw web | sort | paste -sd,)" = "task 1,task 2" ]; }

# A rolling update replaces every task
scenario_rolling_update() {
    _service web 2
    client service update --detach --env-add VERSION=2 --update-parallelism 1 web
    within 60 _has_version_2 client
    within 60 _has_version_2 worker
    _remove_service web
}

_has_version_2() { [ "$("$@" exec "$("$@" ps -q | head -1)" sh -c 'echo $VERSION' 2>/dev/null)" = 2 ]; }

# A node is killed with all that runs on it: its tasks start again on the other one; when it is back it tidies up
scenario_node_lost() {
    # An attempt before may have left it down.
    _node_is b Ready || { kill_node b || true; start_node b && within 40 _node_is b Ready; }
    _service web 2 --restart-delay 0s
    is "$(_nodes_of web)" "1 node-a 1 node-b"
    kill_node b
    within 40 _node_is b Down
    within 40 _nodes_are web "2 node-a"
    within 40 _runs_two
    client service rm web
    within 30 _has_no_container client
    start_node b
    within 40 _node_is b Ready
    within 40 _has_no_container worker
}

_nodes_are() { [ "$(_nodes_of "$1")" = "$2" ]; }
_runs_two() { [ "$(client ps -q | wc -l)" = 2 ]; }
