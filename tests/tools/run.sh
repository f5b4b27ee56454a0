#!/bin/sh
# Runs cmocka programs from the top folder; fails if one fails, after running all.  JOBS at a time (1); what each says stays together.
# usage: run.sh BUILD PROGRAM...
build=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CLIENTID_TEST_BUILD="$build" work
if [ "${JOBS:-1}" = 1 ]; then
    for program in "$@"; do
        "$program" || echo "$program" >>"$work/failed"
    done
else
    # shellcheck disable=SC2016 # for the shells inside
    printf '%s\n' "$@" | xargs -P "$JOBS" -n 1 sh -c '
        out=$(mktemp "$work/out.XXXXXX")
        "$1" >"$out" 2>&1 || echo "$1" >>"$work/failed"
        flock "$work" cat "$out"' run
fi
[ ! -s "$work/failed" ] || { echo "FAILED: $(tr '\n' ' ' <"$work/failed")" >&2; exit 1; }
