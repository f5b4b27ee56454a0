#!/bin/sh
# Checks the models of tests/race with spin, exhaustively, and that each rule which a model can do without is missed: a model
# that cannot fail proves nothing.
# usage: models.sh BUILD
set -eu
cd "$(dirname "$0")/../.."
build=$PWD/$1
top=$PWD

# One search: model, options of the verifier's compiler and of the verifier, macros.  Its report is in $report.
search() {
    model=$1 compile=$2 run=$3
    shift 3
    place=$build/$(printf '%s' "$model $*" | tr ' =' '__')
    report=$place/report
    mkdir -p "$place"
    cd "$place"
    spin "$@" -a "$top/tests/race/$model.pml" > generated || { cat generated >&2; exit 1; }
    # The verifier is not ours to be warned about.
    # shellcheck disable=SC2086 # words
    gcc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=4000 $compile -o pan pan.c
    # shellcheck disable=SC2086
    timeout 600 ./pan -m100000 -w23 $run > report 2>&1 || true
    cd "$top"
}

# All states were seen, and in none was anything wrong.
holds() {
    search "$@"
    if ! grep -q 'errors: 0$' "$report" || grep -Eq 'Search not completed|max search depth too small|truncated|out of memory' "$report"; then
        echo "FAILED: $*" >&2
        grep -v '^Depth=' "$report" >&2
        exit 1
    fi
    printf '  HOLDS   %s: %s states\n' "$1${4:+ $4}${5:+ $5}" "$(sed -n 's/^ *\([0-9e.+]*\) states, stored$/\1/p' "$report")"
}

# An assertion fails without the rule.
fails() {
    search "$@"
    if ! grep -q '^pan:1: assertion violated' "$report"; then
        echo "FAILED: $* goes unnoticed" >&2
        grep -v '^Depth=' "$report" >&2
        exit 1
    fi
    printf '  NOTICED %s\n' "$1 $4"
}

# With DEATH the bucket's processes stop for good: that is no error (-E), and spin's reduction does not know of it (NOREDUCE).
model_index() {
    holds model_index '' '' "-DOPS=${MODEL_OPS:-4}"
    for rule in NO_BARRIER LOAD_FIRST RETIRE_FIRST CLEAN_TOMBSTONES PUBLISH_EARLY; do
        fails model_index '' '' "-DBROKEN_$rule" -DOPS=3
    done
}
model_bucket() {
    holds model_bucket -DNOREDUCE -E -DDEATH
    holds model_bucket '' -E -DPROCS=3 -DATTEMPTS=3
    for rule in CLOSE_EARLY NO_SECOND_LOOK EVICT_LIVE EVICT_UNNUMBERED SAME_STAMP SEARCH_FIRST; do
        fails model_bucket '' -E "-DBROKEN_$rule"
    done
}

# One beside the other; each keeps its own report.
rm -rf "$build"
model_bucket &
bucket=$!
model_index
wait "$bucket"
