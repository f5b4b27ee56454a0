#!/bin/sh
# Runs shell blocks of a README, the first or the given ones, as a newcomer would: in a fresh copy, each from its first line to its
# last.  What curl answers must be what the comments at the ends of its lines say ("# 401").  Installs packages; what a block starts is ended.
# usage: quickstart.sh README [BLOCK...]
set -eu
cd "$(dirname "$0")/../.."
readme=$1
# Compiled by two at a time, which a newcomer need not do.
export MAKEFLAGS=-j2
shift
[ $# -gt 0 ] || set -- 1
work=$(mktemp -d)
group=
# NGINX leaves the session of who starts it.
daemon=/run/nginx.pid
[ ! -s "$daemon" ] || daemon=
finish() {
    [ -z "$group" ] || kill -- "-$group" 2>/dev/null || true
    [ -z "$daemon" ] || [ ! -s "$daemon" ] || kill "$(cat "$daemon")"
    rm -rf "$work"
}
trap finish EXIT
mkdir "$work/copy"
tar --exclude=./build --exclude=./.git -c . | tar -x -C "$work/copy"

# end GROUP: and wait until its processes are gone, for the next block may want their ports and files.
end() {
    kill -- "-$1" 2>/dev/null || true
    tries=0
    while kill -0 -- "-$1" 2>/dev/null && [ $tries -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
}

run_block() {
    awk -v block="$1" '/^```sh$/ { on = ++n == block; next } /^```$/ { on = 0 } on' "$readme" >"$work/lines"
    sed -n 's/^curl .*# *//p' "$work/lines" | grep -o '[0-9][0-9][0-9]' >"$work/due" || true
    [ -s "$work/due" ] || { echo "$readme: no lines, or no curl that says what is due" >&2; exit 1; }
    (cd "$work/copy" && exec setsid bash -euo pipefail "$work/lines") >"$work/out" 2>"$work/err" </dev/null &
    group=$!
    if ! wait "$group"; then
        echo "$readme: a line failed" >&2
        tail -n 20 "$work/out" "$work/err" >&2
        exit 1
    fi
    # A body may end without a line.
    grep -o 'HTTP/[0-9.]* [0-9][0-9][0-9]' "$work/out" | sed 's/.* //' >"$work/got" || true
    if ! cmp -s "$work/due" "$work/got"; then
        echo "$readme: due were $(tr '\n' ' ' <"$work/due"), got $(tr '\n' ' ' <"$work/got")" >&2
        tail -n 20 "$work/out" "$work/err" >&2
        exit 1
    fi
    echo "$readme: $(wc -l <"$work/lines") lines, answers $(tr '\n' ' ' <"$work/got")"
    end "$group"
}
for block in "$@"; do
    run_block "$block"
done
