#!/bin/sh
# Runs cmocka programs one after the other from the top folder; fails if one fails, after running all.
# usage: run.sh BUILD PROGRAM...
build=$1
shift
failed=
for program in "$@"; do
    CLIENTID_TEST_BUILD=$build "$program" || failed="$failed $program"
done
[ -z "$failed" ] || { echo "FAILED:$failed" >&2; exit 1; }
