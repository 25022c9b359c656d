#!/bin/sh
# Inside the guest: make an environment of what `make test-vm` installed into build/guest, and run a command with it.
#
# The host installs, not the guest: emulated, pip takes a minute for it.
set -eu
environment=$HOME/pyouki-environment
if [ ! -e "$environment" ]; then
    python3 -m venv --without-pip --system-site-packages "$environment"
    site=$(echo "$environment"/lib/python3*/site-packages)
    mv build/guest/* "$site"
    mv "$site/bin/pyouki" "$environment/bin"
    rm -r "$site/bin"
fi
PATH=$environment/bin:$PATH
export PATH
exec "$@"
