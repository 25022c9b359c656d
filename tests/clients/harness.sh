# The words that scenarios are written in. Sourced by scenario.sh, before the engine's own file.
#
# An engine's file sets: command (the client, an array), image, run_options and pod_options (arrays),
# default_capabilities (CapEff of root in a container).

fail() {
    printf 'failed: %s\n' "$*" >&2
    exit 1
}

skip() {
    printf 'skip: %s\n' "$*" >&2
    exit 77
}

is() { [ "$1" = "$2" ] || fail "got '$1', wanted '$2'"; }
has() { case $1 in *"$2"*) ;; *) fail "no '$2' in: $1" ;; esac; }
lacks() { case $1 in *"$2"*) fail "'$2' found in: $1" ;; esac; }

# exits STATUS COMMAND...
exits() {
    local wanted=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" = "$wanted" ] || fail "exit status $status, wanted $wanted: $*"
}

# refuses PART COMMAND...: it fails, and PART is in what it says.
refuses() {
    local part=$1 output
    shift
    ! output=$("$@" 2>&1) || fail "worked: $*"
    has "$output" "$part"
}

# within SECONDS COMMAND...: it succeeds in time, tried ten times a second.
within() {
    local seconds=$1 i
    shift
    for ((i = 0; i < seconds * 10; i++)); do
        "$@" && return
        sleep 0.1
    done
    fail "waited $seconds s for: $*"
}

# in_terminal COMMAND: run a shell command in a new terminal; our stdin is what is typed there.
in_terminal() { script -qec "$1" /dev/null | tr -d '\r'; }

# typed TEXT [SECONDS]: for the stdin of in_terminal: wait, type TEXT, keep the terminal a little longer.
typed() {
    sleep "${2-1.5}"
    printf '%b' "$1"
    sleep 1.5
}

client() { "${command[@]}" "$@"; }

# words ARGUMENT...: the client with these arguments as one line of shell.
words() { printf '%q ' "${command[@]}" "$@"; }

run() { client run --rm "${run_options[@]}" "$@"; }

# background NAME [OPTION...] IMAGE COMMAND...: start a container and return.
background() {
    local name=$1
    shift
    client run -d "${run_options[@]}" --name "$name" "$@"
}

# field NAME FORMAT: a property of a container, as a Go template without its braces.
field() { client inspect -f "{{$2}}" "$1"; }
field_is() { [ "$(field "$1" "$2")" = "$3" ]; }
logs_have() { client logs "$1" 2>&1 | grep -q -- "$2"; }
remove() { client rm -f "${remove_options[@]}" "$@" >/dev/null; }

# process_status KEY [OPTION...]: a line of /proc/self/status in a container with these options.
process_status() {
    local key=$1
    shift
    run "$@" "$image" grep "^$key:" /proc/self/status | cut -f2
}

# in_cgroup V1 V2: the path of a file of the container's own cgroup, as seen in it.
in_cgroup() { if [ "$CGROUP_VERSION" = 1 ]; then echo "/sys/fs/cgroup/$1"; else echo "/sys/fs/cgroup/$2"; fi; }
need_cgroup() { [ "$engine" != podman-rootless ] || skip "an ordinary user has no cgroup here"; }
need_limits() {
    need_cgroup
    [ "$CGROUP_VERSION" = 1 ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "this cgroup2 has no controllers"
}

# Tell whether root on this machine has every capability that the kernel knows.
has_all_capabilities() {
    local last
    last=$(cat /proc/sys/kernel/cap_last_cap)
    [ "$(awk '/^CapBnd/{ print $2 }' /proc/self/status)" = "$(printf %016x $(((1 << (last + 1)) - 1)))" ]
}

namespace() { readlink "/proc/self/ns/$1"; }
