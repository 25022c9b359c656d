#!/bin/bash
# demo.sh PYOUKI: run a container from a bundle made on the spot, then take another one through its life.
#
# Each command is printed before it runs, so that it can be typed by hand: docs/tutorial does that. Nothing is left.
set -euo pipefail

program=$(realpath "$1")
work=$(mktemp -d /tmp/pyouki-demo.XXXXXX)
root=$work/run
cd "$work"

# What the reader types as `pyouki`; the demo keeps its containers apart from those of the machine.
pyouki() { "$program" --root "$root" "$@"; }

clean_up() {
    for id in hello web; do pyouki delete --force "$id" >/dev/null 2>&1 || true; done
    rm -rf "$work"
}
trap clean_up EXIT

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
tell() { printf '\n%s# %s%s\n' "$dim" "$*" "$plain"; }
try() {
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    eval "$*"
}

tell "A bundle is a directory: a root file system and a config.json. Busybox is enough of a system for us."
try mkdir -p bundle/rootfs/bin
try cp "$(command -v busybox)" bundle/rootfs/bin/busybox
try 'for name in sh ls ps id hostname sleep; do ln -s busybox bundle/rootfs/bin/$name; done'
try cd bundle
try pyouki spec
try "sed -i -e 's/\"terminal\": true/\"terminal\": false/' -e 's/\"sh\"/\"sh\", \"-c\", \"hostname; id; ps; ls \/\"/' config.json"

tell "Where its cgroup goes; without a word it would be below that of this shell."
try "sed -i 's|\"resources\": {|\"cgroupsPath\": \"/pyouki-demo-$$\",\n\t\t&|' config.json"

tell "Run it: its own host name, process list and root; it ends with its program."
try pyouki run hello

tell "The same in the steps an engine takes. First a container that waits: everything is made, nothing is started."
try "sed -i 's/\"hostname; .*\"/\"echo the program runs; exec sleep 1000\"/' config.json"
try "pyouki create web >../output 2>&1" || { cat ../output; exit 1; }
try pyouki state web

tell "Start its program, and see."
try pyouki start web
until [ -s ../output ]; do sleep 0.05; done
try cat ../output
try pyouki list

tell "A second process in it."
try pyouki exec web ps

tell "End it and forget it."
try pyouki kill web KILL
while pyouki state web | grep -q '"status": *"running"'; do sleep 0.05; done
try pyouki list
try pyouki delete web
try pyouki list

tell "That was the demo. The program is $program; README.md says how to put it under Docker."
