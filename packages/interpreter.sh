#!/bin/sh
# interpreter.sh: print the interpreter to build on, the newest of the distribution that can compile extensions.
#
# Not simply the first python3 in PATH: version managers put shell scripts there, which the launcher cannot execute
# through a read-only clone and which take longer than a whole `pyouki create`.
set -eu

fits='
import os, sys, sysconfig
import ensurepip
has_headers = os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
sys.exit(not has_headers or sys.version_info < (3, 11))
'
for python in /usr/bin/python3.14 /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11 "$(command -v python3)"; do
    [ -x "$python" ] || continue
    if [ "$(head -c 4 "$python" | tail -c 3)" = ELF ] && "$python" -c "$fits" 2>/dev/null; then
        echo "$python"
        exit
    fi
done
echo "interpreter.sh: no Python of at least 3.11 with its headers and ensurepip" >&2
echo "hint: on Debian and Ubuntu install python3-dev and python3-venv" >&2
exit 1
