#!/bin/sh
# What the shared libraries export is what tests/abi/<library>.txt lists, no more and no less.
# libclientid-access is there when xmlsec is.
# usage: exports.sh BUILD [--write]
set -eu
build=$1
cd "$(dirname "$0")/../.."
for library in libclientid libclientid-store libclientid-anypoint libclientid-access; do
    [ -e "$build/$library.so" ] || [ "$library" != libclientid-access ] || continue
    nm -D --defined-only "$build/$library.so" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | sort >"$build/$library.exports"
    if [ "${2:-}" = --write ]; then
        cp "$build/$library.exports" "tests/abi/$library.txt"
    fi
    diff -u "tests/abi/$library.txt" "$build/$library.exports"
done
