#!/bin/sh
# Draws the figures of a "make bench" as SVG.
# usage: charts.sh RESULTS.tsv FOLDER
set -eu
if [ ! -f "${1:-}" ]; then
    echo "charts: no figures yet: make bench (BIG=1 for ten million clients too)" >&2
    exit 1
fi
results=$1 folder=$2
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
mkdir -p "$folder"

# Of the figures of a section, what awk says of them.  Columns: section, name, clients, unit, value, low, high, floor, ratio.
# shellcheck disable=SC2016 # awk's
figures() { awk -F '\t' -v section="$1" "\$1 == section && $2" "$results"; }

# shellcheck disable=SC2016 # awk's
{
figures decision '$2 == "base" {print $3, $5, $8, $6, $7}' | sort -n >"$data/clients"
figures batch '$2 == "batch of 32" {print $3, $5}' | sort -n >"$data/batch"
figures decision '$2 ~ /^query of/ {split($2, w, " "); print w[3], $5, $8}' | sort -n >"$data/query"
for clients in 1000 1000000; do
    figures decision "\$2 ~ /token bucket/ && \$3 == $clients {print \$2 + 0, \$5, \$8}" | sort -n >"$data/limits.$clients"
done
figures memory '$2 ~ /a client$/ {print $3, $5}' | sort -n >"$data/memory"
figures flow '$2 ~ /a second$/ {print $2 + 0, $5}' | sort -n >"$data/flow"
figures threads '$2 ~ /^[12] threads?, / {split($2, w, ", "); print $3, w[2] "|" $2 + 0 "|" $5}' >"$data/all"
}
awk '{size = $1; sub(/^[0-9]+ /, ""); split($0, w, "|"); at[size ", " w[1]]; v[size ", " w[1], w[2]] = w[3]}
    END {for (k in at) printf "\"%s\" %s %s\n", k, v[k, 1], v[k, 2]}' "$data/all" |
    sed 's/ contracts*"/"/; s/0000000,/e7,/; s/000000,/e6,/; s/000,/e3,/' | sort >"$data/threads"

gnuplot <<PLOT
set terminal svg size 640,360 font "sans-serif,12" background "#ffffff"
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set style data linespoints
set key outside bottom center horizontal
set yrange [0:]
set linetype 1 lc rgb "#1f5fa8" lw 2 pt 7 ps 0.6
set linetype 2 lc rgb "#b0511f" lw 2 pt 7 ps 0.6
set linetype 3 lc rgb "#3f8f4f" lw 2 pt 7 ps 0.6
set linetype 4 lc rgb "#888888" lw 2 pt 7 ps 0.6

set output "$folder/clients.svg"
set title "Time of a decision against clients"
set ylabel "ns"; set xlabel "clients"
set logscale x; set format x "10^{%L}"
plot "$data/clients" using 1:2 title "decision", "" using 1:3 title "floor", "$data/batch" using 1:2 title "in batches of 32"

set output "$folder/memory.svg"
set title "Resident memory a client"
set ylabel "bytes"
plot "$data/memory" using 1:2 title "whole process, each client used"
unset logscale x; set format x

set output "$folder/query.svg"
set title "Time of a decision against the length of the query, 1,000 clients"
set ylabel "ns"; set xlabel "bytes"
plot "$data/query" using 1:2 title "decision", "" using 1:3 title "floor"

set output "$folder/limits.svg"
set title "Time of a decision against limits of a tier"
set xlabel "limits (token buckets)"; set xtics 1; set xrange [0.5:4.5]
plot "$data/limits.1000" using 1:2 title "1,000 clients", "" using 1:3 title "its floor", \
     "$data/limits.1000000" using 1:2 title "1,000,000 clients", "" using 1:3 title "its floor"
set xtics autofreq; set autoscale x

set output "$folder/flow.svg"
set title "Decisions a second of two threads while changes arrive"
set ylabel "million a second"; set xlabel "changes a second"
set style data histograms; set style fill solid 0.8; set boxwidth 0.6
plot "$data/flow" using 2:xtic(1) notitle

set output "$folder/threads.svg"
set title "Decisions a second against threads"
set xlabel "clients, contracts that are asked for"
plot "$data/threads" using 2:xtic(1) title "1 thread", "" using 3 title "2 threads"
PLOT
wc -c "$folder"/*.svg
