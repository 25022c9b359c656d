# Capabilities, seccomp, privileges, masked paths: Docker and Podman.

# Capabilities: the engine's default, none, one added
scenario_capabilities() {
    local found
    is "$(process_status CapEff)" "$default_capabilities"
    is "$(process_status CapBnd --cap-drop ALL)" 0000000000000000
    is "$(process_status CapEff --cap-drop ALL --cap-add CHOWN)" 0000000000000001
    found=$(process_status CapEff --cap-add NET_ADMIN)
    [ $(((16#$found >> 12) & 1)) = 1 ] || fail "no NET_ADMIN in $found"
    run --cap-add NET_ADMIN "$image" ip link set lo down
    exits 1 run "$image" sh -c 'ip link set lo down 2>/dev/null || exit 1'
}

# no-new-privileges, only when asked for
scenario_no_new_privileges() {
    is "$(process_status NoNewPrivs --security-opt no-new-privileges)" 1
    is "$(process_status NoNewPrivs)" 0
}

# seccomp: the engine's filter, none, a profile of one's own with its own error
scenario_seccomp() {
    is "$(process_status Seccomp)" 2
    is "$(process_status Seccomp --security-opt seccomp=unconfined)" 0
    cat >"$scratch/profile.json" <<'EOF'
{
  "defaultAction": "SCMP_ACT_ALLOW",
  "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]
}
EOF
    refuses "No space left" run --security-opt "seccomp=$scratch/profile.json" "$image" mkdir /tmp/z
    ! run "$image" unshare -m true 2>/dev/null || fail "unshare -m worked under the default filter"
}

# --privileged: mounts, all devices, no filter, a writable /sys, even where root lacks a capability
scenario_privileged() {
    run --privileged "$image" sh -c 'mkdir /tmp/m && mount -t tmpfs t /tmp/m && umount /tmp/m && [ -e /dev/full ]'
    is "$(process_status Seccomp --privileged)" 0
    [ "$engine" = podman-rootless ] || has "$(run --privileged "$image" sh -c 'mount | grep "on /sys type sysfs"')" "rw"
}

# Masked and read-only paths of /proc and /sys
scenario_masked_paths() {
    run "$image" sh -c '[ ! -s /proc/kcore ] && [ "$(ls /sys/firmware | wc -l)" = 0 ]'
    exits 1 run "$image" sh -c 'echo 1 > /proc/sys/kernel/panic 2>/dev/null || exit 1'
    exits 1 run "$image" sh -c 'echo h > /proc/sysrq-trigger 2>/dev/null || exit 1'
}
