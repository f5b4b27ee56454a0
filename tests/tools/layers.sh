#!/bin/sh
# Who may include whom: the table of lib/README.md, checked.  Prints each line that breaks it; fails if there is one.
set -u
cd "$(dirname "$0")/../.." || exit 2
bad=0

complain() {
    echo "$1" >&2
    bad=1
}

# allow FOLDER "PREFIX ..." : project includes of the folder's files must begin with one of the prefixes.
allow() {
    for file in $(find "lib/$1" -maxdepth "${3:-1}" -name '*.[ch]'); do
        for include in $(sed -n 's/^ *# *include "\([^"]*\)".*/\1/p' "$file"); do
            ok=0
            for prefix in $2; do
                case "$include" in "$prefix"*) ok=1 ;; esac
            done
            [ "$ok" = 1 ] || complain "$file: may not include \"$include\""
        done
    done
}

allow base "base/"
allow extract "base/ extract/"
allow registry "base/ registry/"
allow limit "base/ limit/"
allow policy "base/ extract/ limit/ policy/"
allow sync "base/ registry/ sync/ limit/limit.h gateway.h"
allow store "base/ store/"
allow anypoint "base/ anypoint/"
allow control "base/ store/store.h control/"
allow access "base/ extract/base64.h access/"
allow . "base/ extract/ registry/ limit/ policy/ gateway.h state.h tally.h inquiry.h"

# Programs see the installed headers and their own files only.
for file in $(find examples -name '*.[ch]'); do
    dir=$(dirname "$file")
    for include in $(sed -n 's/^ *# *include "\([^"]*\)".*/\1/p' "$file"); do
        [ -f "$dir/$include" ] || complain "$file: may not include \"$include\""
    done
done

# A host's own headers stay in its folder.
for file in $(grep -rlE '^ *# *include <ngx_' include lib examples --include='*.[ch]'); do
    case "$file" in examples/nginx/*) ;; *) complain "$file: may not include nginx's headers" ;; esac
done

# One outside library, one file or folder.
only() {
    header=$1
    shift
    for file in $(grep -rlE "^ *# *include <$header" lib --include='*.[ch]'); do
        ok=0
        for place in "$@"; do
            # shellcheck disable=SC2254 # the place is a pattern
            case "$file" in $place) ok=1 ;; esac
        done
        [ "$ok" = 1 ] || complain "$file: may not include <$header>"
    done
}

only 'openssl/' 'lib/registry/secret.c' 'lib/control/password.c' 'lib/control/seal.c' 'lib/access/saml_library.c' \
    'lib/access/saml_key.c'
only 'xxhash' 'lib/base/hash.c'
only 'uthash' 'lib/state.h' 'lib/policy/*' 'lib/sync/*'
only 'jansson' 'lib/policy/*_json.[ch]' 'lib/control/*_json.[ch]' 'lib/anypoint/*_json.[ch]'
only 'pcre2' 'lib/policy/pointcut.c'
only 'sqlite3' 'lib/store/*'
only 'curl/' 'lib/anypoint/http.c'
only 'libxml/' 'lib/access/*'
only 'xmlsec/' 'lib/access/*'

# The request path knows no socket, file, thread, clock or stdio.
for file in lib/extract/*.c lib/limit/gcra.c lib/limit/*window*.c lib/limit/sliding.c lib/limit/cell*.c \
    lib/registry/index.c lib/registry/record.c lib/check.c; do
    [ -f "$file" ] || continue
    for include in sys/socket.h fcntl.h unistd.h pthread.h time.h sys/time.h stdio.h; do
        ! grep -qE "^ *# *include <$include>" "$file" || complain "$file: request path includes <$include>"
    done
done

# Calls with a better one beside them.
if grep -rnE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|localtime|gmtime)\(' lib examples --include='*.[ch]' >&2; then
    complain "banned calls above"
fi

# Every allocation of the library goes through the gateway's allocator.
if grep -nE '\b(malloc|calloc|realloc|free)\(' lib/*.c lib/base/*.c lib/extract/*.c lib/registry/*.c lib/limit/*.c \
    lib/policy/*.c lib/sync/*.c | grep -v '^lib/base/mem.c:' >&2; then
    complain "allocations above do not go through the allocator"
fi

exit $bad
