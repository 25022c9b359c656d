# Networks: Docker and Podman.

# --network none: nothing but lo
scenario_network_none() { is "$(run --network none "$image" sh -c 'ls /sys/class/net | wc -l')" 1; }

# --network host: the host's namespace
scenario_network_host() { is "$(run --network host "$image" readlink /proc/self/ns/net)" "$(namespace net)"; }

# The default network: an address, and the gateway answers
scenario_network_default() {
    has "$(run "$image" ip -4 addr)" "inet 1"
    [ "$engine" != podman-rootless ] || return 0 # slirp4netns answers no ping here
    run --cap-add NET_RAW "$image" sh -c 'ping -c1 -w2 $(ip route | sed -n "s/^default via \([0-9.]*\).*/\1/p")' >/dev/null
}

# A published port reaches a server in the container
scenario_network_publish() {
    background web -p 127.0.0.1:18080:80 "$image" sh -c \
        'echo page > /tmp/index.html; exec httpd -f -p 80 -h /tmp'
    within 10 timeout 3 bash -c \
        "exec 3<>/dev/tcp/127.0.0.1/18080; printf 'GET /index.html HTTP/1.0\r\n\r\n' >&3; grep -q ^page <&3"
    remove web
}

# The network namespace of another container
scenario_network_of_another() {
    background nc1 "$image" sleep 100
    is "$(run --network container:nc1 "$image" readlink /proc/self/ns/net)" \
        "$(client exec nc1 readlink /proc/self/ns/net)"
    remove nc1
}
