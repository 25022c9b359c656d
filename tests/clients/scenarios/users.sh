# Users, groups and the environment of the process: Docker and Podman.

# Users and groups by number and name, additional groups, no capabilities for users
scenario_user_and_groups() {
    is "$(run -u 1000:1000 "$image" sh -c 'id -u; id -g' | xargs)" "1000 1000"
    is "$(run -u u "$image" sh -c 'id -un; id -G' | xargs)" "u 1000 10 2000"
    is "$(run -u 1234:77 --group-add 55 "$image" sh -c 'id -u; id -g; id -G' | xargs)" "1234 77 77 55"
    is "$(process_status CapEff -u 1000)" 0000000000000000
}

# Environment, working directory, host name, /etc/hosts, resolv.conf
scenario_environment() {
    is "$(run -e FOO='a b' -w /tmp --hostname hh "$image" sh -c 'echo "$FOO $PWD $(hostname)"')" "a b /tmp hh"
    [ "$engine" != docker ] || is "$(run -w /new/dir "$image" pwd)" /new/dir
    has "$(run --add-host foo:1.2.3.4 "$image" cat /etc/hosts)" "1.2.3.4"
    has "$(run --dns 9.9.9.9 "$image" cat /etc/resolv.conf)" 9.9.9.9
}
