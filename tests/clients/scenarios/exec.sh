# Further processes in a running container: Docker and Podman.

# exec: exit status, stdin, directory, environment, user, detached, eight at once, privileged
scenario_exec() {
    local status=0
    background e1 "$image" sleep 100
    exits 5 client exec e1 sh -c 'exit 5'
    client exec e1 nosuch || status=$?
    [ $status = 126 ] || [ $status = 127 ] || fail "exec of nothing: $status" # Docker 20.10 says 126
    is "$(echo x | client exec -i e1 cat)" x
    is "$(client exec -w /tmp e1 pwd)" /tmp
    is "$(client exec -e A=b e1 sh -c 'echo $A')" b
    is "$(client exec -u 1000:2000 e1 sh -c 'id -u; id -g' | xargs)" "1000 2000"
    client exec -d e1 sh -c 'echo d > /tmp/f; sleep 50'
    within 5 _has_file e1 /tmp/f
    has "$(client exec e1 ps)" 'sleep 50'
    _exec_eight_at_once e1
    ! has_all_capabilities || has "$(client exec --privileged e1 grep CapEff /proc/self/status)" 1ff
    client kill e1 >/dev/null
    is "$(field e1 .State.ExitCode)" 137
    client rm e1
}

_has_file() { client exec "$1" test -s "$2" 2>/dev/null; }

_exec_eight_at_once() {
    local pids=() pid
    for _ in 1 2 3 4 5 6 7 8; do
        client exec "$1" true &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || fail "one of eight exec at once"; done
}

# exec with a terminal: typed commands, exit status, window size
scenario_exec_terminal() {
    local output
    background e2 "$image" sleep 100
    has "$(in_terminal "$(words exec -it e2 tty)" < <(sleep 3))" /dev/
    output=$(typed 'echo a$((40+2))b; stty size; exit 3\n' |
        in_terminal "stty rows 31 cols 71; $(words exec -it e2 sh); echo status=\$?")
    has "$output" a42b
    has "$output" status=3
    has "$output" "31 71"
    remove e2
}

# exec in a stopped container is refused
scenario_exec_stopped() {
    background e3 "$image" sleep 100
    client kill e3
    ! client exec e3 true 2>/dev/null || fail "exec in a stopped container worked"
    client rm e3
}
