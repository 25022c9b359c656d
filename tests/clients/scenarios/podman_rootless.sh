# What Podman only does as an ordinary user.

# Root of the container is the user
scenario_user_is_root() {
    has "$(run "$image" cat /proc/self/uid_map | xargs)" "0 $(id -u) 1 1 "
    is "$(run "$image" id -u)" 0
}

# --userns keep-id: the user keeps his number
scenario_keep_id() { is "$(run --userns keep-id "$image" id -u)" "$(id -u)"; }
