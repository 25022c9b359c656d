#!/bin/bash
# image.sh DIRECTORY: make the images of the scenarios from the machine's own busybox, since no registry may be asked.
#
#   busybox.tar    a root file system, for "docker import" and "podman import"
#   archive.tar    the same as a Docker archive, localhost/busybox:latest
#   pause.tar      the same with "sleep" as its command: what holds a pod's namespaces
set -eu
cd "$1"

mkdir -p rootfs/{bin,sbin,usr/bin,usr/sbin,etc,dev,proc,sys,tmp,root,home/u,var/tmp,run,mnt}
cp "$(command -v busybox)" rootfs/bin/busybox
for applet in $(busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "rootfs/bin/$applet"
done
chmod 1777 rootfs/tmp rootfs/var/tmp
chown 1000:1000 rootfs/home/u
cat >rootfs/etc/passwd <<'EOF'
root:x:0:0:root:/root:/bin/sh
u:x:1000:1000:u:/home/u:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
EOF
cat >rootfs/etc/group <<'EOF'
root:x:0:
tty:x:5:
wheel:x:10:u
u:x:1000:
extra:x:2000:u
nogroup:x:65534:
EOF
tar -C rootfs --numeric-owner -cf busybox.tar .

# docker_archive NAME COMMAND: a Docker archive with one layer; COMMAND is a JSON list.
docker_archive() {
    mkdir archive
    cp busybox.tar archive/layer.tar
    cat >archive/config.json <<EOF
{
  "architecture": "amd64",
  "os": "linux",
  "config": {
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    "Cmd": $2
  },
  "rootfs": {"type": "layers", "diff_ids": ["sha256:$(sha256sum <busybox.tar | cut -d' ' -f1)"]},
  "history": [{"created": "2024-01-01T00:00:00Z"}]
}
EOF
    echo '[{"Config":"config.json","RepoTags":["localhost/busybox:latest"],"Layers":["layer.tar"]}]' >archive/manifest.json
    tar -C archive -cf "$1" manifest.json config.json layer.tar
    rm -r archive
}
docker_archive archive.tar '["sh"]'
docker_archive pause.tar '["sleep", "1000000"]'
chmod 644 ./*.tar
