#!/bin/sh
# Counts the instructions of a decision, kind by kind, and compares them with a file: 3 % more is a regression, 3 % less a file
# that no longer tells the truth.
# usage: instructions.sh check|update PROGRAM FILE | one PROGRAM KIND
#
# Counted is what runs in the program itself, in which libclientid is linked statically: the library, and the few instructions of the
# loop around it.  Libcrypto and libc are left out, whose variants differ from processor to processor.
set -eu
command=$1
program=$2
file=$3
tolerance=3 # percent
work=$program.counts
mkdir -p "$work"

# Sum of the costs of the program's own object in a file that callgrind wrote; the line after "calls=" is what was called, not its own.
own_cost() {
    awk -v program="$2" '
        /^c?ob=/ {
            line = $0
            own = sub(/^ob=/, "", line)
            sub(/^cob=/, "", line)
            id = line
            sub(/\).*/, ")", id)
            if (line != id)
                name[id] = substr(line, length(id) + 2)
            if (own)
                ours = name[id] ~ program "$"
            next
        }
        /^calls=/ { skip = 1; next }
        /^[-+*0-9]/ {
            if (skip)
                skip = 0
            else if (ours)
                sum += $2
        }
        END { printf "%d\n", sum }' "$1"
}

count() {
    valgrind --tool=callgrind --callgrind-out-file="$work/$1.out" --toggle-collect=run_decisions \
        "$program" "$1" > "$work/$1.decisions" 2> "$work/$1.log" || { cat "$work/$1.log" >&2; return 1; }
    decisions=$(cat "$work/$1.decisions")
    echo "$1 $(($(own_cost "$work/$1.out" "${program##*/}") / decisions))"
}

compare() {
    awk -v tolerance="$tolerance" -v file="$file" '
        FNR == NR { if ($0 !~ /^#/ && NF == 2) known[$1] = $2; next }
        {
            seen[$1] = 1
            if (!($1 in known)) {
                printf "%-16s %8d  not in %s: make instructions-update\n", $1, $2, file
                bad = 1
                next
            }
            change = ($2 / known[$1] - 1) * 100
            verdict = ""
            if (change > tolerance)
                verdict = "costs more"
            else if (change < -tolerance)
                verdict = "costs less: make instructions-update, so that the file stays true"
            bad = bad || verdict != ""
            printf "%-16s %8d  was %8d  %+6.1f %%  %s\n", $1, $2, known[$1], change, verdict
        }
        END {
            for (kind in known)
                if (!(kind in seen)) {
                    printf "%s is in %s and was not counted: make instructions-update\n", kind, file
                    bad = 1
                }
            exit bad
        }' "$file" "$1"
}

# Two at a time, in the order of the program all the same.
count_all() {
    "$program" | xargs -P 2 -n 1 sh "$0" one "$program" > "$work/all"
    "$program" | while read -r kind; do
        grep "^$kind " "$work/all"
    done
}

case "$command" in
one) count "$file" ;;
check)
    count_all > "$work/counted"
    compare "$work/counted" ;;
update)
    count_all > "$work/counted"
    {
        echo "# Instructions a decision, by bench/instructions.c; gcc 12 -O2, x86-64.  \"make instructions-update\" writes this file."
        cat "$work/counted"
    } > "$file"
    cat "$file" ;;
*) echo "usage: instructions.sh check|update PROGRAM FILE" >&2; exit 2 ;;
esac
