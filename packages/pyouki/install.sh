#!/bin/sh
# install.sh PYTHON PREFIX: install the wheels of dist/ as PREFIX/lib/pyouki, and link PREFIX/bin/pyouki to it.
#
# PYTHON is that of the checkout: it collects what is to be installed with the caller's rights and pip settings.
# Only the last step, which needs no network, is done with sudo where the prefix asks for it.
set -eu

python=$(realpath -s "$1")
prefix=$2
home=$prefix/lib/pyouki
cd "$(dirname "$0")/../.."

rm -rf build/wheels
"$python" -m pip wheel -q -c constraints.txt -w build/wheels dist/*.whl

mkdir -p "$prefix/lib" "$prefix/bin" 2>/dev/null || true
sudo=
[ -w "$prefix/lib" ] && [ -w "$prefix/bin" ] || sudo=sudo
$sudo mkdir -p "$prefix/lib" "$prefix/bin"
$sudo "$(realpath "$python")" -m venv --clear --without-pip "$home"
$sudo "$python" -m pip --python "$home/bin/python3" install -q --no-index --no-deps --compile build/wheels/*.whl
$sudo "$home/bin/python3" -m pyouki.write_bundle
$sudo ln -sfn ../lib/pyouki/bin/pyouki "$prefix/bin/pyouki"
"$prefix/bin/pyouki" --version
