#!/bin/sh
# Installs the Debian packages that a target needs and that are missing; on another system names them and stops.
# usage: packages.sh build|check|hosts|bench|charts|peers|lint|arm64|models|instructions
set -eu

build="gcc make pkg-config libc6-dev libssl-dev libjansson-dev uthash-dev libxxhash-dev libpcre2-dev
    libsqlite3-dev libmicrohttpd-dev libcurl4-openssl-dev libxml2-dev libxmlsec1-dev curl"
check="$build g++ libcmocka-dev strace sqlite3 openssl jq"
hosts="$check nginx nginx-dev caddy ca-certificates python3 python3-venv nghttp2-client valgrind"
bench="$hosts libnginx-mod-http-lua gnuplot-nox"
charts="gnuplot-nox"
peers="$build nginx libnginx-mod-http-lua redis-server"
lint="$hosts clang clang-tidy clang-format cppcheck libclang-rt-14-dev gcovr"
arm64="$check gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
models="gcc libc6-dev spin"
instructions="$build valgrind"

case "${1:-build}" in
build) wanted=$build ;;
check) wanted=$check ;;
hosts) wanted=$hosts ;;
bench) wanted=$bench ;;
charts) wanted=$charts ;;
peers) wanted=$peers ;;
lint) wanted=$lint ;;
arm64) wanted=$arm64 ;;
models) wanted=$models ;;
instructions) wanted=$instructions ;;
*) echo "usage: packages.sh build|check|hosts|bench|charts|peers|lint|arm64|models|instructions" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    # The build itself tells what is missing, if anything is.
    if [ "${CLIENTID_PACKAGES:-}" = present ]; then
        exit 0
    fi
    echo "This is not a Debian system.  Install what these packages hold, then set CLIENTID_PACKAGES=present:" >&2
    printf '  %s\n' $wanted >&2
    exit 1
fi

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing:$missing"
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
else
    echo "Neither root nor sudo: ask an administrator to run: apt-get install$missing" >&2
    exit 1
fi
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
