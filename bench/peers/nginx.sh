#!/bin/sh
# The driver of peer.lua: two workers of nginx in a folder of their own, asked over a Unix socket, ended by their pid.
# usage: nginx.sh KEYS DECISIONS, from the top folder; NGINX_MODULES: where ngx_http_lua_module.so is
set -eu

keys=$1
decisions=$2
here=$PWD/bench/peers
folder=$(mktemp -d)
pid=
stop() {
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' INT TERM

user=
[ "$(id -u)" != 0 ] || user='user root;'
sed -e "s|@DIR@|$folder|g" -e "s|@HERE@|$here|g" -e "s|@MODULES@|$NGINX_MODULES|g" -e "s|@USER@|$user|" \
    -e "s|@KEYS@|$keys|" -e "s|@DECISIONS@|$decisions|" bench/peers/nginx.conf.in >"$folder/nginx.conf"
nginx -e "$folder/nginx.log" -c "$folder/nginx.conf" &
pid=$!

ask() { # path and query
    curl -s --max-time 60 --unix-socket "$folder/nginx.socket" "http://localhost$1"
}
tries=0
until tiny=$(ask /tiny); do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 "$pid" 2>/dev/null; then
        cat "$folder/nginx.log" >&2
        exit 1
    fi
    sleep 0.1
done
if [ "$(printf '%s\n' "$tiny" | awk '$2 != 3 { bad = 1 } END { print NR, bad + 0 }')" != "2 0" ]; then
    echo "Lua: allowed of a limit of 3: $tiny" >&2
    exit 1
fi

version=$(nginx -v 2>&1 | sed 's|.*nginx/||')
count=$(wc -l <"$keys")

# Two requests may come to one worker, which then says so: again.
run() { # way, threads
    tries=0
    while [ $tries -lt 30 ]; do
        tries=$((tries + 1))
        [ "$(ask /again)" = again ]
        ask "/run?way=$1&threads=$2&begin=0" >"$folder/one" &
        one=$!
        : >"$folder/two"
        [ "$2" = 1 ] || ask "/run?way=$1&threads=$2&begin=$((decisions / 2))" >"$folder/two"
        wait $one
        grep -q alone "$folder/one" "$folder/two" || return 0
    done
    echo "Lua: both requests came to one worker, $tries times" >&2
    return 1
}

measure() { # way, name
    [ "$(ask "/warm?way=$1")" = warm ]
    for threads in 1 2; do
        run "$1" $threads
        cat "$folder/one" "$folder/two" | awk -v name="$2" -v version="$version" -v keys="$count" \
            -v threads=$threads -v each="$decisions" '
            NR == 1 || $1 < begin { begin = $1 }
            $2 > end { end = $2 }
            { allowed += $3 }
            END {
                printf "%s\t%s\t%d\t%d\t%.1f\t%d\t%d\n", name, version, keys, threads,
                    (end - begin) * 1e9 / (threads * each), allowed, threads * each
            }'
    done
}
measure window "nginx Lua, shared dict, window"
measure gcra "nginx Lua, shared dict, GCRA"
