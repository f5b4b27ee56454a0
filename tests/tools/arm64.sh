#!/bin/sh
# What "make arm64" needs besides the cross compiler: a folder with arm64 libraries, and how a test runs under qemu-user.
# usage: arm64.sh sysroot BUILD | run BUILD PROGRAM... | one BUILD PROGRAM
set -eu
command=$1
build=$2
shift 2
sysroot=$PWD/$build/sysroot

# Unpacked, not installed: no package of the machine is touched and no architecture added to it.
packages="libssl-dev libssl3 libjansson-dev libjansson4 libpcre2-dev libpcre2-8-0 libsqlite3-dev libsqlite3-0
    libcmocka-dev libcmocka0 libxxhash-dev uthash-dev"

# Tests that cannot pass there: program, test (* for all of them), reason.  These must fail or be skipped, all others pass, or this
# script fails: a line that is no longer needed is a mistake too.
left_out() {
    cat <<LIST
test_epoch        test_membarrier_refused  qemu-user passes no seccomp filter on
test_request_path test_no_system_call      strace cannot start an arm64 program; the same code is traced on x86-64
test_share_kill   *                        its children are started by exec of the test itself, an arm64 program
test_table_file   without_memory_to_map    qemu-user does not enforce RLIMIT_AS
test_tally        test_too_many_workers    qemu-user makes up /proc/self/stat: a process and its peers see other start times
LIST
}

swaps="unit/test_bucket unit/test_decide unit/test_decide_interrupted unit/test_limits race/race_limit race/race_repair"

# An apt of its own: its lists and the architecture it believes in stay in the build folder.
private_apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Acquire::Languages=none \
        -o Dir::State="$sysroot/apt" -o Dir::State::status=/dev/null -o Dir::Cache="$sysroot/apt/cache" \
        -o APT::Sandbox::User=root "$@"
}

unpack() {
    if [ -e "$sysroot/complete" ] && [ "$(cat "$sysroot/complete")" = "$packages" ]; then
        return
    fi
    echo "Unpacking arm64 packages into $build/sysroot"
    rm -rf "$sysroot"
    mkdir -p "$sysroot/apt/lists/partial" "$sysroot/apt/cache/archives/partial"
    private_apt update
    cd "$sysroot/apt"
    # shellcheck disable=SC2086 # words
    private_apt download $packages
    for package in ./*.deb; do
        dpkg-deb -x "$package" "$sysroot"
    done
    rm -rf "$sysroot/apt"
    printf '%s\n' "$packages" > "$sysroot/complete"
}

# What did not pass: a name a line.
not_passed() {
    sed -n 's/^\[  \(FAILED \|SKIPPED\) \] \([A-Za-z0-9_]*\)$/\2/p' "$1" | sort -u
}

run_one() {
    name=${1##*/}
    log=$1.log
    expected=$(left_out | awk -v name="$name" '$1 == name { print $2 }')
    if [ "$expected" = '*' ]; then
        echo "  LEFT OUT $name"
        return
    fi
    status=0
    CLIENTID_TEST_BUILD=$build timeout 180 qemu-aarch64 -L /usr/aarch64-linux-gnu \
        -E LD_LIBRARY_PATH="$sysroot/usr/lib/aarch64-linux-gnu" "$1" >"$log" 2>&1 || status=$?
    # cmocka returns how many failed, so that a program that died is told from one with the failures of the list.
    failures=$(grep -c '^\[  FAILED  \] [A-Za-z0-9_]*$' "$log" || true)
    if [ "$(not_passed "$log")" != "$expected" ] || [ "$status" -ne $((failures / 2)) ]; then
        echo "FAILED: $name, status $status; what did not pass, then what was on the list:" >&2
        { not_passed "$log"; echo "--"; echo "$expected"; tail -n 30 "$log"; } >&2
        return 1
    fi
    echo "  QEMU    $name${expected:+, but for $expected}"
}

case "$command" in
sysroot) unpack ;;
one) run_one "$1" ;;
run)
    left_out | while read -r program test reason; do
        printf '  left out: %s %s: %s\n' "$program" "$test" "$reason"
    done
    # No test waits for another, so two at a time.
    printf '%s\n' "$@" | xargs -P 2 -n 1 sh "$0" one "$build"
    # What swaps cells once more on a processor without the instruction for it, where gcc's code falls back on ldxp and stlxp.
    echo "  without LSE:"
    for program in $swaps; do
        printf '%s\n' "$build/tests/$program"
    done | QEMU_CPU=cortex-a53 xargs -P 2 -n 1 sh "$0" one "$build" ;;
*) echo "usage: arm64.sh sysroot BUILD | run BUILD PROGRAM... | one BUILD PROGRAM" >&2; exit 2 ;;
esac
