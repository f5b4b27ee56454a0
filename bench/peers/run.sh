#!/bin/sh
# libclientid beside its peers, in alternating rounds, one table.  A peer whose tools are missing is named with what is missing.
# usage: run.sh BUILD, from the top folder; ROUNDS=5 at most, BUDGET=180 seconds for all of them,
# KEYS="1000 100000 1000000", DECISIONS=262144 a thread (a power of two)
set -eu

build=$1/peers
rounds=${ROUNDS:-5}
sizes=${KEYS:-1000 100000 1000000}
decisions=${DECISIONS:-262144}
budget=${BUDGET:-180}
sources=$PWD/bench/peers
mkdir -p "$build"
build=$(cd "$build" && pwd)
table=$(dirname "$build")/bench/peers.txt
mkdir -p "$(dirname "$table")"
: >"$build/lines"
: >"$build/missing"

has() { command -v "$1" >/dev/null 2>&1; }
missing() { # peer, why
    echo "$1: not run: $2" | tee -a "$build/missing" >&2
}

# ---- what can be run ----------------------------------------------------------------------------

drivers=clientid
if ! has cargo; then
    missing governor "cargo is missing"
elif CARGO_TARGET_DIR=$build/cargo cargo build --quiet --release \
    --manifest-path "$sources/governor/Cargo.toml" 2>"$build/cargo.log"; then
    drivers="$drivers governor"
else
    missing governor "cargo build failed, see $1/peers/cargo.log"
fi
if ! has go; then
    missing "x/time/rate" "go is missing"
elif (cd "$sources/go" && go build -o "$build/go-rate" .) 2>"$build/go.log"; then
    drivers="$drivers go"
else
    missing "x/time/rate" "go build failed, see $1/peers/go.log"
fi
if ! has nginx; then
    missing "nginx Lua" "nginx is missing"
elif ! has curl; then
    missing "nginx Lua" "curl is missing"
else
    NGINX_MODULES=${NGINX_MODULES:-$(nginx -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')}
    export NGINX_MODULES
    if [ -f "$NGINX_MODULES/ngx_http_lua_module.so" ]; then
        drivers="$drivers nginx"
    else
        missing "nginx Lua" "ngx_http_lua_module.so is missing (package libnginx-mod-http-lua)"
    fi
fi
if has redis-server; then
    drivers="$drivers redis"
else
    missing "Redis GCRA" "redis-server is missing"
fi

# ---- rounds -------------------------------------------------------------------------------------

drive() { # driver, file of keys
    case $1 in
    clientid) "$build/clientid" "$2" "$decisions" ;;
    governor) "$build/cargo/release/governor-peer" "$2" "$decisions" ;;
    go) "$build/go-rate" "$2" "$decisions" ;;
    nginx) sh "$sources/nginx.sh" "$2" "$decisions" ;;
    redis) "$build/redis" "$2" "$decisions" ;;
    esac
}

# A round at most is over the budget: sizes have equal shares of it, and a round that would not fit is not begun.
# shellcheck disable=SC2086 # words
share=$((budget / $(printf '%s\n' $sizes | wc -l)))
now() { date +%s; }
for size in $sizes; do
    began=$(now)
    "$build/write_keys" "$build/keys.$size" "$size"
    round=1
    while [ "$round" -le "$rounds" ]; do
        before=$(now)
        for driver in $drivers; do
            drive "$driver" "$build/keys.$size" >"$build/out" || {
                echo "run.sh: $driver failed with $size keys" >&2
                exit 1
            }
            # A driver that allowed fewer than it asked for did other work than the rest.
            awk -F '\t' -v round="$round" -v OFS='\t' '
                NF != 7 || $6 != $7 { print "not all were allowed: " $0 >"/dev/stderr"; exit 1 }
                { print round, $0 }' "$build/out" >>"$build/lines"
        done
        round=$((round + 1))
        after=$(now)
        [ $((2 * after - before - began)) -le "$share" ] || break
    done
    rm -f "$build/keys.$size"
done

# ---- the table ----------------------------------------------------------------------------------

awk -F '\t' -f "$sources/table.awk" "$build/lines" >"$table"
if [ -s "$build/missing" ]; then
    cat "$build/missing" >>"$table"
fi
echo "limit_req counts only inside nginx's requests: \"make bench-http\" has it, and Lua, per request." >>"$table"
cat "$table"
