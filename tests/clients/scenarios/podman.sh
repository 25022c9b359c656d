# What only Podman has, as root and as an ordinary user.

# info shows the runtime and its version
scenario_info() {
    is "$(client info --format '{{.Host.OCIRuntime.Path}}')" "$RUNTIME"
    is "$(client info --format '{{.Host.CgroupManager}}')" cgroupfs
    has "$(client info --format '{{.Host.OCIRuntime.Version}}')" version
}

# A pod: two containers in one network and one ipc namespace
scenario_pod() {
    local kind
    client pod create --name pod1 "${pod_options[@]}"
    background pa --pod pod1 "$image" sleep 100
    background pb --pod pod1 "$image" sleep 100
    for kind in net ipc; do
        is "$(client exec pa readlink /proc/self/ns/$kind)" "$(client exec pb readlink /proc/self/ns/$kind)"
    done
    has "$(client pod ps --format '{{.Name}} {{.Status}}')" "pod1 Running"
    client pod stop -t 0 pod1 >/dev/null
    client pod rm -f -t 0 pod1 >/dev/null
}

# kube play: a Kubernetes manifest with a user and a read-only root
scenario_kube_play() {
    cat >"$scratch/pod.yaml" <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: kp
spec:
  containers:
  - name: a
    image: $image
    command: ["sh", "-c", "echo kube; sleep 100"]
    env: [{name: K, value: v}]
    securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true}
EOF
    client kube play "$scratch/pod.yaml" >/dev/null
    is "$(client exec kp-a id -u)" 1000
    is "$(client exec kp-a sh -c 'echo $K')" v
    has "$(client logs kp-a)" kube
    has "$(client generate kube kp)" "kind: Pod"
    client kube play --down "$scratch/pod.yaml" >/dev/null
}

# --systemd=always: the mounts that systemd as process 1 wants
scenario_systemd_mounts() { is "$(run --systemd=always "$image" sh -c 'mount | grep -c "tmpfs on /run "')" 1; }

# --cgroups=disabled: no cgroup at all
scenario_cgroups_disabled() {
    grep -q nocgroup "$CONTAINERS_CONF" || skip "the runtime has no --cgroup-manager=disabled"
    is "$(client run --rm --cgroups=disabled "$image" echo disabled)" disabled
}

# Health checks run by hand
scenario_health_check() {
    background hc --health-cmd 'test -e /tmp/ok' --health-interval disable "$image" sleep 100
    exits 1 client healthcheck run hc
    client exec hc touch /tmp/ok
    exits 0 client healthcheck run hc
    remove hc
}

# Annotations
scenario_annotations() {
    client create "${run_options[@]}" --annotation a=b --name an "$image" true
    has "$(field an .Config.Annotations)" a:b
    client rm an
}

# A user namespace by its maps
scenario_uid_maps() {
    is "$(run --uidmap 0:1000:500 --gidmap 0:1000:500 "$image" cat /proc/self/uid_map | awk '{ print $1, $3 }')" "0 500"
    is "$(run --uidmap 0:1000:500 --gidmap 0:1000:500 "$image" id -u)" 0
}

# build: RUN as root and as a user
scenario_build() {
    local isolation=oci
    [ "$engine" = podman ] || isolation=rootless
    mkdir -p "$scratch/b"
    cat >"$scratch/b/Dockerfile" <<EOF
FROM $image
ARG A=1
RUN echo "\$A \$(id -u)" > /out
USER 1000
RUN id -u > /tmp/uid
EOF
    client build -q --isolation $isolation --runtime "$RUNTIME" --build-arg A=5 -t pbuilt "$scratch/b"
    is "$(run localhost/pbuilt cat /out /tmp/uid | xargs)" "5 0 1000"
    client rmi localhost/pbuilt >/dev/null
}

# --preserve-fds: a descriptor of the caller reaches the process
scenario_preserve_fds() {
    echo fdin >"$scratch/fd"
    is "$(run --preserve-fds 1 "$image" sh -c 'cat <&3' 3<"$scratch/fd")" fdin
}

# Socket activation: LISTEN_FDS reaches the process with the right LISTEN_PID
scenario_listen_fds() {
    echo sock >"$scratch/f"
    is "$(LISTEN_FDS=1 LISTEN_PID=$$ run "$image" sh -c 'cat <&3; echo $LISTEN_FDS $LISTEN_PID' 3<"$scratch/f" | xargs)" "sock 1 1"
}

# Mounts of type tmpfs, devpts, image, and an overlay volume
scenario_mount_types() {
    is "$(run --mount type=tmpfs,dst=/t,tmpfs-mode=700 "$image" stat -c %a /t)" 700
    run --mount type=devpts,dst=/dev/pts2 "$image" ls /dev/pts2/ptmx
    run --mount "type=image,src=$image,dst=/im" "$image" ls /im/bin/busybox
    run -v "$scratch:/o:O" "$image" touch /o/x
    [ ! -e "$scratch/x" ] || fail "the overlay volume wrote into its source"
}

# An init container runs to its end before the pod's others start
scenario_init_container() {
    client pod create --name pic "${pod_options[@]}" >/dev/null
    client create "${run_options[@]}" --pod pic --init-ctr always --name ic "$image" sh -c 'echo i' >/dev/null
    client create "${run_options[@]}" --pod pic --name mc "$image" sleep 100 >/dev/null
    client pod start pic >/dev/null
    has "$(client logs ic)" i
    client pod rm -f -t 0 pic >/dev/null
}

# rm --all --force leaves nothing
scenario_rm_all() {
    background ra "$image" sleep 100
    client rm -fa -t 0 >/dev/null
    is "$(client ps -aq | wc -l)" 0
}
