# Namespaces of its own, of the host, of another container: Docker and Podman.

# pid, ipc, uts and mount namespaces are new; the process is number 1
scenario_private_namespaces() {
    local found kind
    found=$(run "$image" sh -c 'for n in pid ipc uts mnt; do readlink /proc/self/ns/$n; done' | xargs)
    is "$(wc -w <<<"$found")" 4
    for kind in pid ipc uts mnt; do lacks "$found" "$(namespace $kind)"; done
    is "$(run "$image" sh -c 'echo $$')" 1
}

# ipc, uts and pid namespaces of the host
scenario_host_namespaces() {
    local kind
    for kind in ipc uts pid; do is "$(run --$kind host "$image" readlink /proc/self/ns/$kind)" "$(namespace $kind)"; done
}

# pid and ipc namespaces of another container
scenario_namespaces_of_another() {
    local show='readlink /proc/self/ns/pid; readlink /proc/self/ns/ipc'
    background n1 --ipc shareable "$image" sleep 100
    is "$(run --pid container:n1 --ipc container:n1 "$image" sh -c "$show; ps | grep -c '[s]leep 100'" | xargs)" \
        "$(client exec n1 sh -c "$show" | xargs) 1"
    remove n1
}
