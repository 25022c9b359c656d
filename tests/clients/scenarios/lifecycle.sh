# The life of a container: start, stop, signals, restarts, what engines say about it. Docker and Podman.

_is_exited() { field_is "$1" .State.Status exited; }

# A container in the background: state, logs, exec, stop with its own exit status, rm
scenario_detached() {
    background d1 "$image" sh -c 'trap "echo bye; exit 42" TERM; echo up; while :; do sleep 0.1; done'
    within 10 logs_have d1 up
    is "$(field d1 .State.Running)" true
    is "$(field d1 .State.Status)" running
    [ "$(field d1 .State.Pid)" -gt 1 ]
    is "$(client exec d1 echo in)" in
    client stop -t 5 d1
    is "$(field d1 .State.ExitCode)" 42
    has "$(client logs d1)" bye
    exits 1 client rm nosuchname
    client rm d1
}

# create, then start with the terminal's streams attached
scenario_create_start_attach() {
    client create "${run_options[@]}" --name a1 -i "$image" cat
    is "$(field a1 .State.Status)" created
    is "$(echo via-attach | client start -ai a1)" via-attach
    within 5 _is_exited a1
    client rm a1
}

# restart, stop and start keep the container
scenario_restart() {
    background r1 "$image" sh -c 'echo start; exec sleep 100'
    client restart -t 0 r1
    within 5 _logs_two_starts r1
    client stop -t 0 r1
    client start r1
    is "$(field r1 .State.Running)" true
    remove r1
}

_logs_two_starts() { [ "$(client logs "$1" | wc -l)" = 2 ]; }

# A signal by name, a stop signal of one's own, wait
scenario_wait_and_signals() {
    background w1 "$image" sh -c 'trap "exit 9" USR1; echo up; while :; do sleep 0.1; done'
    within 10 logs_have w1 up
    client kill -s USR1 w1
    is "$(client wait w1)" 9
    client rm w1
    background w2 --stop-signal USR1 "$image" sh -c 'trap "exit 8" USR1; echo up; while :; do sleep 0.1; done'
    within 10 logs_have w2 up
    client stop -t 5 w2
    is "$(field w2 .State.ExitCode)" 8
    client rm w2
}

# A process that ignores the stop signal is killed after the timeout
scenario_stop_timeout() {
    background st "$image" sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
    within 10 logs_have st up
    client stop -t 1 st
    is "$(field st .State.ExitCode)" 137
    client rm st
}

# A container killed from outside is seen as exited, 137
scenario_killed_from_outside() {
    background ok "$image" sleep 100
    kill -9 "$(field ok .State.Pid)"
    within 10 _is_exited ok
    is "$(field ok .State.ExitCode)" 137
    client rm ok
}

# pause really stops the processes, exec is refused meanwhile, unpause resumes
scenario_pause() {
    need_cgroup
    background p1 "$image" sh -c 'while :; do date +%s%N > /tmp/x; sleep 0.05; done'
    sleep 0.5
    client pause p1
    is "$(field p1 .State.Status)" paused
    local file before
    file=/proc/$(field p1 .State.Pid)/root/tmp/x
    before=$(cat "$file")
    sleep 0.4
    is "$(cat "$file")" "$before"
    ! timeout 10 "${command[@]}" exec p1 true 2>/dev/null || fail "exec in a paused container worked"
    client unpause p1
    is "$(field p1 .State.Status)" running
    is "$(client exec p1 echo back)" back
    remove p1
}

# top shows every process
scenario_top() {
    background t1 "$image" sh -c 'sleep 111 & exec sleep 222'
    within 5 _top_has t1 'sleep 111'
    has "$(client top t1)" 'sleep 222'
    remove t1
}

_top_has() { client top "$1" | grep -q "$2"; }

# ps finds a container by its label
scenario_ps_filter() {
    background ps1 --label k=v "$image" sleep 100
    has "$(client ps --filter label=k=v --format '{{.Names}} {{.Status}}')" "ps1 Up"
    remove ps1
}

# A restart policy: two new starts after failure, then the end
scenario_restart_policy() {
    background rp --restart on-failure:2 "$image" sh -c 'exit 3'
    within 20 field_is rp '.RestartCount}} {{.State.Running' '2 false'
    is "$(field rp .State.ExitCode)" 3
    remove rp
}

# logs, all of them and the last line
scenario_logs() {
    background lg "$image" sh -c 'for i in 1 2 3; do echo l$i; done'
    client wait lg
    is "$(client logs lg | xargs)" "l1 l2 l3"
    is "$(client logs --tail 1 lg)" l3
    client rm lg
}

# rm refuses a running container, rm -f takes it
scenario_rm_running() {
    background rr "$image" sleep 100
    ! client rm rr 2>/dev/null || fail "rm of a running container worked"
    remove rr
}

# --init: a small init as process 1 hands on the exit status
scenario_init() {
    has "$(run --init "$image" sh -c 'cat /proc/1/comm; ps')" init
    exits 3 run --init "$image" sh -c 'exit 3'
}

# Six containers started at the same time
scenario_many_at_once() {
    local i
    for i in 1 2 3 4 5 6; do background many$i "$image" sleep 100 & done
    wait
    is "$(client ps --format '{{.Names}}' | grep -c many)" 6
    remove many1 many2 many3 many4 many5 many6
}

# Twelve containers that live a moment, one after the other
scenario_short_lived() {
    local i
    for i in $(seq 12); do is "$(run "$image" echo "$i")" "$i"; done
}
