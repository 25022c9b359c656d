#!/bin/sh
# uninstall.sh PREFIX: remove what install.sh made, and nothing that somebody else put there.
set -eu

prefix=$1
sudo=
[ -w "$prefix/lib" ] && [ -w "$prefix/bin" ] || sudo=sudo
[ "$(readlink "$prefix/bin/pyouki")" != ../lib/pyouki/bin/pyouki ] || $sudo rm "$prefix/bin/pyouki"
[ ! -e "$prefix/lib/pyouki/pyvenv.cfg" ] || $sudo rm -r "$prefix/lib/pyouki"
