#!/bin/sh
# prepare.sh PACKAGE...: install the Debian packages that are missing; elsewhere only say what is needed.
set -eu

if ! command -v apt-get >/dev/null; then
    echo "this machine has no apt-get: make sure that it has what Debian calls $*" >&2
    exit 0
fi
missing=
for package; do
    case $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
sudo=
[ "$(id -u)" = 0 ] || sudo="sudo --preserve-env=DEBIAN_FRONTEND"
# An old list of packages names files that are gone: renew it only when it turns out to be old or empty.
install="$sudo apt-get install -y -q --no-install-recommends"
# shellcheck disable=SC2086
$install $missing >/dev/null 2>&1 || { $sudo apt-get update -q >/dev/null && $install $missing >/dev/null; }
