#!/bin/sh
# clientid-portal on loopback, with a sample organization in build/portal; ends with Ctrl-C.  Writes what the commands of the README
# need into build/portal/env.
# usage: sample.sh BUILD
set -eu

build=$(cd "$1" && pwd)
folder=$build/portal
PATH=$build:$PATH
CLIENTID_STORE=sqlite:$folder/portal.db
export PATH CLIENTID_STORE
portal_pid=

stop() {
    [ -z "$portal_pid" ] || kill "$portal_pid" 2>/dev/null || true
    wait 2>/dev/null || true
}
trap stop EXIT
trap 'exit 130' INT TERM

rm -rf "$folder"
mkdir -p "$folder" "$folder/state" "$folder/gateway" "$folder/third" "$folder/third/state"

# ---- the sample organization; secrets are fake, and obviously so ---------------------

printf 'not a secret' >"$folder/password"
printf '0123456789abcdef0123456789abcdef' >"$folder/sealing.key"
chmod 600 "$folder/password" "$folder/sealing.key"

clientidctl init >/dev/null
for person in root:administrator oona:api-owner mia:member; do
    clientidctl user create "${person%%:*}" --role "${person##*:}" --email "${person%%:*}@example.com" \
        --secret-file "$folder/password" >/dev/null
done
clientidctl api create orders --terms 'Be kind.' >/dev/null
clientidctl api add-owner orders oona >/dev/null
clientidctl tier create orders silver --limit 100/1m >/dev/null
clientidctl tier create orders gold --limit 9000/1m >/dev/null
clientidctl api create petstore1 >/dev/null
clientidctl api add-owner petstore1 oona >/dev/null

# connected_app NAME OWNER SCOPE: "id secret"
connected_app() {
    clientidctl connected-app create "$1" --owner "$2" --scope "$3" --json |
        sed -n 's/.*"clientId": *"\([^"]*\)".*"clientSecret": *"\([^"]*\)".*/\1 \2/p'
}
bot=$(connected_app bot mia create:client_applications)
gateway=$(connected_app gateway oona read:api_contracts)

# ---- the portal ----------------------------------------------------------------------

organization=b5e4ac58-0001-4000-8000-0123456789ab
environment=b5e4ac58-0002-4000-8000-0123456789ab
cat >"$folder/portal.json" <<EOF
{
  "listen": "127.0.0.1:${PORT:-0}",
  "portFile": "$folder/port",
  "store": "$CLIENTID_STORE",
  "sealingKeyFile": "$folder/sealing.key",
  "organizationId": "$organization",
  "organizationName": "Sample",
  "environmentId": "$environment",
  "registration": true
}
EOF
clientid-portal --config "$folder/portal.json" &
portal_pid=$!
tries=0
until [ -s "$folder/port" ]; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] && kill -0 "$portal_pid" 2>/dev/null || exit 1
    sleep 0.05
done
portal=http://127.0.0.1:$(cat "$folder/port")

# ---- a gateway that syncs from it: build/clientid-proxy --config build/portal/gateway.json

printf '%s' "${gateway##* }" >"$folder/gateway/secret"
chmod 600 "$folder/gateway/secret"
cat >"$folder/gateway/anypoint.json" <<EOF
{
  "url": "$portal",
  "organizationId": "$organization",
  "environmentId": "$environment",
  "clientId": "${gateway%% *}",
  "clientSecret": {"file": "$folder/gateway/secret"},
  "apis": {"orders": 1}
}
EOF
cat >"$folder/gateway.json" <<EOF
{
  "store": "anypoint:$folder/gateway/anypoint.json",
  "state": "$folder/state",
  "apis": {
    "orders": {"policies": [
      {"policy": "rate-limiting-sla-based", "id": "header:client_id", "secret": "header:client_secret", "exposeHeaders": true}]}
  },
  "proxy": {
    "listen": "127.0.0.1:0",
    "portFile": "$folder/gateway.port",
    "routes": [{"prefix": "/orders", "api": "orders", "upstream": "http://127.0.0.1:UPSTREAM", "stripPrefix": true}]
  }
}
EOF

# ---- a third-party gateway: build/clientid-portal --gateway --config build/portal/third.json takes the portal's webhooks, and
# ---- build/clientid-proxy --config build/portal/third-gateway.json lets requests through by what they said

CLIENTID_STORE=sqlite:$folder/third/third.db clientidctl init >/dev/null
CLIENTID_STORE=sqlite:$folder/third/third.db clientidctl api create petstore1 >/dev/null
cat >"$folder/third.json" <<EOF
{
  "listen": "127.0.0.1:0",
  "portFile": "$folder/third.port",
  "store": "sqlite:$folder/third/third.db",
  "sealingKeyFile": "$folder/sealing.key",
  "organizationId": "$organization",
  "environmentId": "$environment",
  "gateway": {"portal": "$portal/portal", "username": "root", "passwordFile": "$folder/password",
              "hookUsername": "system", "hookPasswordFile": "$folder/password"}
}
EOF
cat >"$folder/third-gateway.json" <<EOF
{
  "store": "sqlite:$folder/third/third.db",
  "state": "$folder/third/state",
  "apis": {"petstore1": {"policies": [{"policy": "client-id-enforcement", "id": "header:x-api-key"}]}},
  "proxy": {
    "listen": "127.0.0.1:0",
    "portFile": "$folder/third-gateway.port",
    "routes": [{"prefix": "/petstore1", "api": "petstore1", "upstream": "http://127.0.0.1:UPSTREAM", "stripPrefix": true}]
  }
}
EOF

cat >"$folder/env.new" <<EOF
PORTAL=$portal ORG=$organization ENV=$environment
API=1 SILVER=1 GOLD=2
BOT_ID=${bot%% *} BOT_SECRET=${bot##* }
PASSWORD='not a secret'
EOF
mv "$folder/env.new" "$folder/env"

cat <<EOF
clientid-portal serves a sample organization at $portal; Ctrl-C ends it.
People: root (administrator), oona (API owner), mia (member), with the password "not a secret".
API instances: orders (terms, tiers silver and gold, both approved by hand), petstore1.
Connected Apps: bot (of mia, creates applications), gateway (of oona, reads contracts).

The first lines:

  . $folder/env
  TOKEN=\$(curl -s \$PORTAL/accounts/login -H 'Content-Type: application/json' \\
      -d "{\"username\":\"mia\",\"password\":\"\$PASSWORD\"}" | jq -r .access_token)
  curl -i \$PORTAL/exchange/api/v2/organizations/\$ORG/apis -H "Authorization: Bearer \$TOKEN"
  curl -i \$PORTAL/exchange/api/v2/organizations/\$ORG/applications -H "Authorization: Bearer \$TOKEN" \\
      -H 'Content-Type: application/json' -d '{"name":"My first application"}'
  curl -s \$PORTAL/openapi.json | jq '.paths | keys'

Both stories, from an application to its revocation: examples/portal/README.md
EOF
wait "$portal_pid"
