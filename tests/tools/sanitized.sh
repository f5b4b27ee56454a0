#!/bin/sh
# Runs cmocka programs of a build with a sanitizer, and fails when one fails or any process that they started, workers of
# NGINX among them, had something to report.
# usage: sanitized.sh BUILD PROGRAM...
build=$1
reports=$PWD/$build/reports
rm -rf "$reports"
mkdir -p "$reports"
# Workers may run as another user.
chmod 1777 "$reports"
export ASAN_OPTIONS="log_path=$reports/asan:${ASAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$PWD/tests/tools/leaks.txt:print_suppressions=0:${LSAN_OPTIONS:-}"
export TSAN_OPTIONS="log_path=$reports/tsan:halt_on_error=1:${TSAN_OPTIONS:-}"
sh tests/tools/run.sh "$@"
failed=$?
for report in "$reports"/*; do
    [ -e "$report" ] || continue
    failed=1
    echo "REPORTED: $report" >&2
    head -40 "$report" >&2
done
exit $failed
