# What Podman can only do as root.

# --cgroups=no-conmon
scenario_cgroups_no_conmon() { is "$(run --cgroups=no-conmon "$image" echo nc)" nc; }

# --userns=auto: a range of subordinate ids for this container alone
scenario_userns_auto() { has "$(run --userns=auto:size=4096 "$image" cat /proc/self/uid_map | xargs)" 4096; }

# sd_notify: the socket of NOTIFY_SOCKET is in the container
scenario_sd_notify() {
    /usr/bin/python3 -c 'import socket, sys, time
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(sys.argv[1])' "$scratch/n"
    is "$(NOTIFY_SOCKET=$scratch/n run --sdnotify=container "$image" sh -c '[ -S "$NOTIFY_SOCKET" ] && echo socket')" socket
}
