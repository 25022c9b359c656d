#!/bin/sh
# Put a CRIU that current kernels need (Debian 13's) into a directory of its own; the system is not changed.
# usage: install_criu.sh DIRECTORY, then PATH=DIRECTORY/bin:$PATH
set -eu
mkdir -p "$1" && cd "$1" && here=$(pwd)
mkdir -p lists/partial cache/archives/partial debs root bin
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" > sources
apt() {
    apt-get -q -o Dir::Etc::sourcelist="$here/sources" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$here/lists" -o Dir::Cache="$here/cache" -o Dir::State::status=/dev/null \
        -o APT::Sandbox::User=root "$@"
}
apt update
(cd debs && apt download criu libbsd0 libc6 libffi8 libgmp10 libgnutls30t64 libhogweed6t64 libidn2-0 libjansson4 libmd0 \
    libmnl0 libnet1 libnettle8t64 libnftables1 libnftnl11 libnl-3-200 libp11-kit0 libprotobuf-c1 libtasn1-6 \
    libunistring5 libuuid1 libxtables12)
for package in debs/*.deb; do dpkg-deb -x "$package" root; done
cat > bin/criu <<END
#!/bin/sh
exec $here/root/usr/lib64/ld-linux-x86-64.so.2 --library-path $here/root/usr/lib/x86_64-linux-gnu \\
    $here/root/usr/sbin/criu "\$@"
END
chmod +x bin/criu
bin/criu check
