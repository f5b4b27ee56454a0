#!/bin/sh
# Extracts the C of README.md, builds it against the library and runs it: what a newcomer copies must work.
# usage: readme.sh BUILD
set -eu
build=$1
cd "$(dirname "$0")/../.."
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' README.md >"$build/readme.c"
[ -s "$build/readme.c" ] || { echo "README.md holds no C" >&2; exit 1; }
# shellcheck disable=SC2046 # flags are words
${CC:-cc} -std=c11 -Wall -Werror -Iinclude -o "$build/readme" "$build/readme.c" "$build/libclientid.a" \
    $(pkg-config --libs libcrypto jansson libpcre2-8) -pthread
"$build/readme"
