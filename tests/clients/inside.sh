#!/bin/bash
# inside.sh ENGINE: in namespaces of its own, make a machine for one engine, start it, run its scenarios, stop it.
#
# Expects WORK, CHECKOUT, RUNTIME, RUNTIME_FLAGS, QUICK, ONLY, RETRIES, TIMEOUT_S, SHELL_COMMAND from ./run. Writes one line for each
# scenario to $WORK/results: engine, name, ok|fail|skip, milliseconds, reason.
set -u
export CGROUP_PARENT CGROUP_VERSION TMPDIR
CGROUP_PARENT=/$(basename "$WORK")
CGROUP_VERSION=1
[ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] || CGROUP_VERSION=2

# A /sys of this network namespace, and under it the machine's hierarchies on a tmpfs of our own: podman makes
# directories for controllers that are not mounted. A cgroup2 beside v1 is left out, crun 1.8 refuses that.
mount_sys() {
    local hierarchies name options
    hierarchies=$(sed -n 's,^[^ ]* [^ ]* [^ ]* [^ ]* /sys/fs/cgroup/\([^ /]*\) .* - cgroup [^ ]* \(.*\)$,\1 \2,p' \
        /proc/self/mountinfo | sort -u)
    umount -R /sys/fs/cgroup
    mount -t sysfs sysfs /sys
    if [ $CGROUP_VERSION = 2 ]; then
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        return
    fi
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    while read -r name options; do
        options=$(tr , '\n' <<<"$options" | grep -vxE 'rw|ro|none' | paste -sd,)
        case $options in *name=*) options=none,$options ;; esac
        mkdir "/sys/fs/cgroup/$name" && mount -t cgroup -o "$options" cgroup "/sys/fs/cgroup/$name"
    done <<<"$hierarchies"
    mount -o remount,ro /sys/fs/cgroup
}

# Copies of what engines read and write: /run, /etc with users of ours, /dev with tun and fuse open to everyone.
mount_private_directories() {
    local name
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -p /run/lock /run/user /run/netns
    for name in containers cni; do
        mkdir -p "$WORK/lib/$name" "/var/lib/$name"
        mount --bind "$WORK/lib/$name" "/var/lib/$name"
    done
    # All of /etc: a file bound on a file would vanish when a package manager outside renames a new one over it.
    rm -rf "${WORK:?}/etc" && cp -a /etc "$WORK/etc" && mount --bind "$WORK/etc" /etc
    mkdir -p "$WORK/dev" && mount -t tmpfs -o mode=755 tmpfs "$WORK/dev"
    cp -ax /dev/. "$WORK/dev/" 2>/dev/null
    mkdir -p "$WORK"/dev/{pts,shm,mqueue}
    mount --rbind /dev/pts "$WORK/dev/pts"
    mount --rbind "$WORK/dev" /dev
    chmod 666 /dev/net/tun /dev/fuse 2>/dev/null
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    mount -t mqueue mqueue /dev/mqueue
}

# The runtime may be in a checkout below a directory that is closed to ordinary users, /root for one.
let_everybody_reach_the_checkout() {
    local parent=$CHECKOUT closed=
    while [ "$parent" != / ]; do
        parent=$(dirname "$parent")
        [ $((0$(stat -c %a "$parent") & 1)) = 1 ] || closed=$parent
    done
    [ -n "$closed" ] || return 0
    mkdir "$WORK/checkout" && mount --bind "$CHECKOUT" "$WORK/checkout"
    mount -t tmpfs -o mode=755 tmpfs "$closed"
    mkdir -p "$CHECKOUT" && mount --bind "$WORK/checkout" "$CHECKOUT"
}

# user: an ordinary user; remap: for dockerd --userns-remap; containers: for podman --userns=auto.
add_users() {
    local file
    {
        echo "user:x:4242:4242::$WORK/home:/bin/bash"
        echo "remap:x:4343:4343::/:/bin/false"
        echo "containers:x:4444:4343::/:/bin/false"
    } >>/etc/passwd
    printf 'user:x:4242:\nremap:x:4343:\n' >>/etc/group
    for file in /etc/subuid /etc/subgid; do
        printf 'user:200000:65536\nremap:300000:65536\ncontainers:400000:1000000\n' >>$file
    done
}

# A routed interface: pasta and slirp4netns want to see one; nothing is behind it.
add_network() {
    ip link set lo up
    ip link add uplink type veth peer name nowhere
    ip address add 198.51.100.2/24 dev uplink
    ip link set uplink up
    ip link set nowhere up
    ip route add default via 198.51.100.1
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# Tell why a scenario failed: its own words, or the last that was said.
reason_of() {
    { grep '^failed: ' "$1" || grep -vE '^$|^at: |--help. for more information' "$1" || cat "$1"; } | tail -1 | cut -c1-220 | tr '\t' ' '
}

# try_one NAME LOG: run a scenario in a process of its own, and look at what it leaves behind; 77 is skipped.
try_one() {
    local status
    remember_everything
    run_scenario "$1" </dev/null >"$2" 2>&1
    status=$?
    if [ $status = 0 ] && ! nothing_is_left >>"$2"; then status=1; fi
    return $status
}

# run_one NAME: try a scenario as often as is allowed, and report.
run_one() {
    local name=$1 log="$WORK/logs/$engine-$1.log" left=$RETRIES status started_ms word reason=
    started_ms=$(milliseconds)
    while :; do
        try_one "$name" "$log"
        status=$?
        [[ $status != 0 && $status != 77 && $left -gt 0 ]] || break
        left=$((left - 1))
        printf 'again %-42s %s\n' "$engine/$name" "$(reason_of "$log")"
        remove_containers >/dev/null 2>&1
    done
    case $status in
    0) word=ok ;;
    77)
        word=skip
        reason=$(sed -n 's/^skip: //p' "$log" | tail -1)
        ;;
    *)
        word=fail
        reason=$(reason_of "$log")
        remove_containers >/dev/null 2>&1
        ;;
    esac
    local took_ms=$(($(milliseconds) - started_ms))
    printf '%-5s %-42s %6d ms  %s\n' "$word" "$engine/$name" "$took_ms" "$reason" | sed 's/ *$//'
    printf '%s\t%s\t%s\t%s\t%s\n' "$engine" "$name" "$word" "$took_ms" "$reason" >>"$WORK/results"
}

# run_scenario NAME: how most engines do it; podman-rootless has its own.
run_scenario() { timeout -k 5 "$TIMEOUT_S" bash "$WORK/tests/scenario.sh" "$engine" "$1"; }

# list_scenarios: the names, in the order of the files; kubernetes has its own.
list_scenarios() {
    local file
    for file in $scenario_files; do
        sed -n 's/^scenario_\([a-z0-9_]*\)().*/\1/p' "$WORK/tests/scenarios/$file.sh"
    done
}

is_wanted() {
    [[ -z $ONLY || $engine/$1 =~ $ONLY ]] || return 1
    [ -z "$QUICK" ] || ! grep -qx "$1" <<<"${quick_leaves_out-}"
}

mount --make-rprivate /
mount_sys
mount_private_directories
let_everybody_reach_the_checkout
add_users
mount --make-rshared /
add_network
hostname clients
TMPDIR=$WORK/tmp
mkdir -p "$TMPDIR" && chmod 1777 "$TMPDIR"

engine=$1
cd "$WORK" || exit
if [ "$engine" = shell ]; then
    exec bash -c "$SHELL_COMMAND"
fi

. "$WORK/tests/guard.sh"
. "$WORK/tests/engines/$engine.sh"
version=$(engine_version 2>&1 | head -1)
echo "# $engine: $version"
printf '%s\t-\tversion\t0\t%s\n' "$engine" "$version" >>"$WORK/results"
if ! start_engine; then
    echo "fail  $engine did not start"
    printf '%s\tstart\tfail\t0\tdid not start\n' "$engine" >>"$WORK/results"
    exit 1
fi
for scenario in $(list_scenarios); do
    is_wanted "$scenario" && run_one "$scenario"
done
stop_engine
