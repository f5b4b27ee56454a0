#!/bin/sh
# A real proxy in front of a real upstream, contracts in SQLite, changes while it runs.  Prints one table; exits non-zero if a
# row is not as expected.  KEEP=1 leaves everything running and prints what to try.
# usage: demo.sh BUILD
set -eu

build=$(cd "$1" && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/clientid-demo.XXXXXX")
PATH=$build:$PATH
CLIENTID_STORE=sqlite:$folder/clientid.db
export PATH CLIENTID_STORE
failed=0
upstream_pid=
proxy_pid=

stop() {
    [ -z "$proxy_pid" ] || kill "$proxy_pid" 2>/dev/null || true
    [ -z "$upstream_pid" ] || kill "$upstream_pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

die() {
    echo "demo: $*" >&2
    [ ! -f "$folder/proxy.log" ] || sed 's/^/proxy: /' "$folder/proxy.log" >&2
    exit 1
}

# wait_for COMMAND...: until it succeeds, at most 10 s.
wait_for() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || die "timed out waiting for: $*"
        sleep 0.05
    done
}

# ---- the parts -----------------------------------------------------------------------

"$build/examples/demo/upstream" >"$folder/upstream.port" &
upstream_pid=$!
wait_for test -s "$folder/upstream.port"
upstream=http://127.0.0.1:$(cat "$folder/upstream.port")

clientidctl init >/dev/null
clientidctl api create orders >/dev/null
clientidctl api create catalog >/dev/null
clientidctl api create reports >/dev/null
clientidctl tier create orders gold --limit 100/1m --auto-approve >/dev/null
clientidctl tier create orders bronze --limit 3/1m --auto-approve >/dev/null
clientidctl tier create reports slow --limit 2/1s --auto-approve >/dev/null

# Obviously fake secrets, so that the commands printed by KEEP=1 can be copied.
for app in shop meter; do
    printf 'not-a-secret-of-%s' "$app" |
        clientidctl app create "$app" --client-id "$app" --owner demo --secret-stdin >/dev/null
done
clientidctl contract request shop orders --tier gold >/dev/null
clientidctl contract request meter orders --tier bronze >/dev/null
clientidctl contract request shop catalog >/dev/null
clientidctl contract request shop reports --tier slow >/dev/null

mkdir "$folder/state"
cat >"$folder/clientid.json" <<EOF
{
  "store": "$CLIENTID_STORE",
  "state": "$folder/state",
  "limits": {"file": "$folder/limits", "cells": 4096, "keyCells": 1024, "useCells": 4096},
  "apis": {
    "orders": {"policies": [
      {"policy": "rate-limiting-sla-based", "basic": true, "id": "any:client_id", "secret": "any:client_secret",
       "exposeHeaders": true}]},
    "catalog": {"policies": [
      {"policy": "client-id-enforcement", "id": "header:client_id"}]},
    "reports": {"policies": [
      {"policy": "throttling-sla-based", "id": "query:client_id", "secret": "query:client_secret",
       "delay": "500ms", "attempts": 4, "queue": 10, "exposeHeaders": true}]}
  },
  "proxy": {
    "listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "portFile": "$folder/ports", "accessLog": "$folder/access.log",
    "routes": [
      {"prefix": "/orders", "api": "orders", "upstream": "$upstream"},
      {"prefix": "/catalog", "api": "catalog", "upstream": "$upstream"},
      {"prefix": "/reports", "api": "reports", "upstream": "$upstream"}]
  }
}
EOF

healthy() {
    curl -sf -o /dev/null "$admin/healthz"
}

start_proxy() {
    rm -f "$folder/ports"
    clientid-proxy --config "$folder/clientid.json" >>"$folder/proxy.log" 2>&1 &
    proxy_pid=$!
    wait_for test -s "$folder/ports"
    read -r port admin_port <"$folder/ports"
    proxy=http://127.0.0.1:$port
    admin=http://127.0.0.1:$admin_port
    wait_for healthy
}

# ---- the table -----------------------------------------------------------------------

request() {
    : >"$folder/headers"
    result=$(curl -s -o "$folder/body" -D "$folder/headers" -w '%{http_code} %{time_total}' "$@") || result="000 0"
    status=${result% *}
    took=${result#* }
    remaining=$(tr -d '\r' <"$folder/headers" | sed -n 's/^[Xx]-[Rr]ate[Ll]imit-[Rr]emaining: *//p')
}

reason() {
    tail -n 1 "$folder/access.log" | sed -n 's/.*"reason": *"\([^"]*\)".*/\1/p'
}

# row LABEL STATUS REASON REMAINING|- CURL...: one request, one line; REMAINING * is not compared.
row() {
    label=$1 want_status=$2 want_reason=$3 want_remaining=$4
    shift 4
    lines=$(wc -l <"$folder/access.log" 2>/dev/null || echo 0)
    request "$@"
    wait_for logged
    got=$(reason)
    mark=
    [ "$status" = "$want_status" ] && [ "$got" = "$want_reason" ] || mark="expected $want_status $want_reason"
    case $want_remaining in
    '*') ;;
    -) [ -z "$remaining" ] || mark="$mark expected no quota" ;;
    *) [ "$remaining" = "$want_remaining" ] || mark="$mark expected $want_remaining left" ;;
    esac
    [ -z "$mark" ] || failed=1
    printf '%-44s %6s  %-24s %9s  %s\n' "$label" "$status" "$got" "${remaining:--}" "$mark"
}

logged() {
    [ "$(wc -l <"$folder/access.log")" -gt "$lines" ]
}

revision() {
    curl -s "$admin/metrics" | sed -n 's/^clientid_sync_revision //p'
}

moved_on() {
    [ "$(revision)" -gt "$before" ]
}

# change COMMAND...: runs clientidctl and waits until the proxy has it in force.
change() {
    before=$(revision)
    clientidctl "$@" >"$folder/changed" || die "clientidctl $*"
    wait_for moved_on
}

start_proxy
shop="client_id=shop&client_secret=not-a-secret-of-shop"
meter="client_id=meter&client_secret=not-a-secret-of-meter"

printf '%-44s %6s  %-24s %9s\n' request status reason remaining
printf '%-44s %6s  %-24s %9s\n' -------------------------------------------- ------ ------------------------ ---------
row "no credentials" 401 client-id-missing - "$proxy/orders"
row "client id and secret in the query" 200 allowed 99 "$proxy/orders?$shop"
row "... in headers" 200 allowed 98 -H "client_id: shop" -H "client_secret: not-a-secret-of-shop" "$proxy/orders"
row "... by HTTP Basic" 200 allowed 97 -u shop:not-a-secret-of-shop "$proxy/orders"
row "query and Basic disagree" 401 credentials-ambiguous - -u shop:not-a-secret-of-shop "$proxy/orders?$meter"
row "wrong secret" 401 client-secret-wrong - "$proxy/orders?client_id=shop&client_secret=wrong"
row "id-only policy" 200 allowed - -H "client_id: shop" "$proxy/catalog"
row "3 requests a minute: first" 200 allowed 2 "$proxy/orders?$meter"
row "second" 200 allowed 1 "$proxy/orders?$meter"
row "third" 200 allowed 0 "$proxy/orders?$meter"
row "fourth: quota exhausted" 429 quota-exceeded 0 "$proxy/orders?$meter"
change tier update orders bronze --limit 10/1m
row "tier raised to 10 a minute, live" 200 allowed 6 "$proxy/orders?$meter"
row "2 requests a second: first" 200 allowed '*' "$proxy/reports?$shop"
row "second" 200 allowed '*' "$proxy/reports?$shop"
row "third: throttled, then served" 200 allowed '*' "$proxy/reports?$shop"
[ "${took%%.*}" != 0 ] || [ "${took#*.}" \> 4 ] || { echo "    it was not delayed: $took s"; failed=1; }
change contract revoke shop orders
row "contract revoked, live" 401 contract-revoked - "$proxy/orders?$shop"
change contract restore shop orders
row "contract restored, live" 200 allowed 96 "$proxy/orders?$shop"
printf 'not-a-secret-either' >"$folder/new-secret"
change app reset-secret shop --overlap 1h --secret-file "$folder/new-secret"
row "secret rotated: the old one still valid" 200 allowed 95 "$proxy/orders?$shop"
row "secret rotated: the new one valid too" 200 allowed 94 "$proxy/orders?client_id=shop&client_secret=not-a-secret-either"
mkdir "$folder/away"
mv "$folder"/clientid.db* "$folder/away"
kill "$proxy_pid"
wait "$proxy_pid" 2>/dev/null || true
start_proxy
row "store gone, proxy restarted: still serving" 200 allowed 93 "$proxy/orders?$shop"
row "... and still refusing" 401 client-secret-wrong - "$proxy/orders?client_id=shop&client_secret=wrong"

if grep -q 'not-a-secret' "$folder/access.log" "$folder/proxy.log"; then
    echo "a secret is in a log" >&2
    failed=1
fi
[ $failed = 0 ] || die "rows above are not as expected"
echo "All rows as expected."

if [ -n "${KEEP:-}" ]; then
    mv "$folder/away"/clientid.db* "$folder"
    cat <<EOF

Still running, in $folder; stop with Ctrl-C.  Try, in another terminal:

  export CLIENTID_STORE=$CLIENTID_STORE
  curl -i '$proxy/orders?$shop'
  curl -i -u meter:not-a-secret-of-meter $proxy/orders
  $build/clientidctl contract list
  $build/clientidctl contract revoke meter orders
  $build/clientidctl app reset-secret meter --overlap 1h
  $build/clientidctl explain --config $folder/clientid.json --api orders '/orders?$shop'
  curl -s $admin/metrics
  tail -f $folder/access.log
EOF
    wait
fi
