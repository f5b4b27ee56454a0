#!/bin/sh
# Installs into a folder, builds a host against that with pkg-config (shared and static), runs it, uninstalls: nothing stays.
# usage: install.sh BUILD
set -eu
build=$1
cd "$(dirname "$0")/../.."
root=$(cd "$build" && pwd)/installed
rm -rf "$root"
make -s install BUILD="$build" DESTDIR="$root" PREFIX=/usr >/dev/null
flags() {
    # The sysroot is meant for our own files alone, and not for make.
    PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$root/usr/lib/pkgconfig:$(pkg-config --variable pc_path pkg-config) \
        pkg-config "$@" | sed "s|$root/usr/lib/x86_64|/usr/lib/x86_64|g"
}
# shellcheck disable=SC2046 # flags are words
{
    ${CC:-cc} -o "$build/installed-shared" examples/check.c $(flags --cflags --libs libclientid)
    ${CC:-cc} -o "$build/installed-static" examples/check.c $(flags --cflags libclientid) \
        "$root/usr/lib/libclientid.a" $(flags --libs --static libclientid | sed 's/-lclientid\b//')
}
# libclientid-access is there when xmlsec is.
if [ -e "$root/usr/lib/libclientid-access.so" ]; then
    printf '#include <clientid/access.h>\nint main(void) { return clientid_saml_rule_label(0) == 0; }\n' >"$build/installed-access.c"
    # shellcheck disable=SC2046 # flags are words
    {
        ${CC:-cc} -o "$build/installed-access" "$build/installed-access.c" $(flags --cflags --libs libclientid-access)
        ${CC:-cc} -o "$build/installed-access-static" "$build/installed-access.c" $(flags --cflags libclientid-access) \
            "$root/usr/lib/libclientid-access.a" "$root/usr/lib/libclientid.a" \
            $(flags --libs --static libclientid-access | sed 's/-lclientid\(-access\)\{0,1\}\b//g')
    }
    LD_LIBRARY_PATH=$root/usr/lib "$build/installed-access"
    "$build/installed-access-static"
fi
LD_LIBRARY_PATH=$root/usr/lib "$build/installed-shared" >/dev/null
"$build/installed-static" >/dev/null
LD_LIBRARY_PATH=$root/usr/lib "$root/usr/bin/clientidctl" version >/dev/null
make -s uninstall BUILD="$build" DESTDIR="$root" PREFIX=/usr >/dev/null
left=$(find "$root" ! -type d)
[ -z "$left" ] || { echo "uninstall left: $left" >&2; exit 1; }
# A folder may have any name.
rm -rf "$root"
make -s install BUILD="$build" DESTDIR="$root at" PREFIX=/usr >/dev/null
[ -x "$root at/usr/bin/clientidctl" ] || { echo "install lost its folder" >&2; exit 1; }
make -s uninstall BUILD="$build" DESTDIR="$root at" PREFIX=/usr >/dev/null
left=$(find "$root at" ! -type d)
[ -z "$left" ] || { echo "uninstall left: $left" >&2; exit 1; }
rm -rf "$root at"
