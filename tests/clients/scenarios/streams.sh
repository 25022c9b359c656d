# Standard streams, terminals and exit statuses: Docker and Podman.

# Output of a container reaches the caller
scenario_echo() { is "$(run "$image" echo hi)" hi; }

# The caller gets the exit status of the process
scenario_exit_code() {
    exits 7 run "$image" sh -c 'exit 7'
    exits 0 run "$image" true
    exits 1 run "$image" false
}

# A command that does not exist: exit status 127
scenario_not_found() {
    exits 127 run "$image" /no/such/binary
    exits 127 run "$image" nosuchcommand
}

# A command that is not executable, or a directory: exit status 126
scenario_not_executable() {
    exits 126 run "$image" /etc/passwd
    exits 126 run "$image" /etc
}

# A process that dies of a signal: exit status 128 + its number
scenario_signal_exit() { exits 143 run --init "$image" sh -c 'kill -TERM $$'; }

# Standard input, 3 MB of it, is read to its end
scenario_stdin() {
    is "$(echo abc | run -i "$image" cat)" abc
    is "$(head -c 3000000 /dev/zero | run -i "$image" wc -c)" 3000000
}

# Standard output and error stay apart; nothing of 2 MB is lost
scenario_stdout_stderr() {
    run "$image" sh -c 'echo o; echo e >&2' >"$scratch/o" 2>"$scratch/e"
    is "$(cat "$scratch/o")" o
    has "$(cat "$scratch/e")" e
    is "$(run "$image" sh -c 'head -c 2000000 /dev/zero' | wc -c)" 2000000
}

# An interactive terminal: typed commands, exit status, the caller's window size
scenario_terminal() {
    local output shell
    shell=$(words run --rm "${run_options[@]}" -it "$image" sh)
    output=$(in_terminal "$(words run --rm "${run_options[@]}" -it "$image" tty)" < <(sleep 3))
    has "$output" /dev/
    output=$(typed 'echo a$((40+2))b; tty; exit 3\n' | in_terminal "$shell; echo status=\$?")
    has "$output" a42b
    has "$output" status=3
    output=$(typed 'stty size; exit\n' 2 | in_terminal "stty rows 33 cols 77; $shell")
    has "$output" "33 77"
}
