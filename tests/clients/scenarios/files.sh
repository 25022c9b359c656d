# Root file system, volumes, tmpfs, devices: Docker and Podman.

# --read-only: the root cannot be written, a tmpfs in it can
scenario_read_only() {
    exits 1 run --read-only "$image" touch /x
    has "$(run --read-only --tmpfs /tmp:rw,size=1m "$image" sh -c 'touch /tmp/x && grep " /tmp tmpfs" /proc/mounts')" size=1024k
    run --read-only "$image" sh -c 'mount | grep " / " | grep -q "[(,]ro[,)]"'
}

# tmpfs with size, mode and owner; the size of /dev/shm
scenario_tmpfs() {
    local owner='' uid=0
    [ "$engine" != docker ] || { owner=,uid=1000 uid=1000; }
    is "$(run --tmpfs "/a:mode=1770,size=64k$owner" "$image" stat -c %a:%u /a)" "1770:$uid"
    has "$(run --shm-size 3m "$image" sh -c 'mount | grep shm')" size=3072k
}

# Volumes: directories and files, read-only, named, by --mount, with propagation
scenario_volumes() {
    local directory=$scratch/v
    mkdir -p "$directory"
    chmod 777 "$directory"
    echo data >"$directory/f"
    chmod 666 "$directory/f"
    is "$(run -v "$directory:/v:ro" "$image" cat /v/f)" data
    exits 1 run -v "$directory:/v:ro" "$image" touch /v/new
    run -v "$directory:/v" "$image" sh -c 'echo n > /v/new'
    is "$(cat "$directory/new")" n
    is "$(run -v "$directory/f:/etc/ff" "$image" cat /etc/ff)" data
    is "$(run --mount type=bind,source="$directory",target=/v,readonly "$image" cat /v/f)" data
    is "$(run -v "$directory:/v:rslave" "$image" cat /v/f)" data
    client volume create vol1 >/dev/null
    run -v vol1:/d "$image" sh -c 'echo x > /d/x'
    is "$(run -v vol1:/d "$image" cat /d/x)" x
    client volume rm vol1 >/dev/null
    has "$(run --mount type=tmpfs,destination=/t,tmpfs-size=128k "$image" mount)" "size=128k"
}

# Devices of the host and the usual nodes and links in /dev
scenario_devices() {
    local usual='null|zero|full|random|urandom|tty|ptmx|pts|shm'
    is "$(run --device /dev/zero:/dev/xz:r "$image" sh -c 'dd if=/dev/xz bs=1 count=4 2>/dev/null | wc -c')" 4
    is "$(run "$image" ls /dev | grep -cxE "$usual")" 9
    is "$(run "$image" readlink /dev/fd)" /proc/self/fd
    is "$(run "$image" readlink /dev/stdout)" /proc/self/fd/1
    is "$(run "$image" stat -c '%t,%T %a' /dev/null)" "1,3 666"
}

# Device rules: a node of one's own is refused, unless a rule allows it
scenario_device_rules() {
    [ "$engine" != podman-rootless ] || skip "an ordinary user cannot make device nodes"
    refuses "not permitted" run --cap-add MKNOD "$image" sh -c 'mknod /tmp/k c 1 11 && head -c1 /tmp/k'
    is "$(run --cap-add MKNOD --device-cgroup-rule 'c 1:5 rwm' "$image" sh -c \
        'mknod /tmp/z c 1 5 && head -c4 /tmp/z | wc -c')" 4
}

# cp in both directions, diff, commit, export
scenario_copy_commit_export() {
    background cp "$image" sleep 100
    echo hello >"$scratch/h"
    client cp "$scratch/h" cp:/tmp/h
    is "$(client exec cp cat /tmp/h)" hello
    client exec cp sh -c 'echo w > /root/w'
    client cp cp:/root/w "$scratch/w"
    is "$(cat "$scratch/w")" w
    has "$(client diff cp)" /root/w
    client commit cp committed >/dev/null
    is "$(run committed cat /root/w)" w
    client export cp | tar -tf - | grep -q '^root/w'
    remove cp
    client rmi committed >/dev/null
}
