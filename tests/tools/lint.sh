#!/bin/sh
# clang-tidy and cppcheck over the product's own C; every finding is an error.  One file a run: clang-tidy 14 carries state of va_list
# from file to file and reports what is not there.
set -eu
cd "$(dirname "$0")/../.."
files=$(find lib examples -name '*.c' ! -path 'examples/nginx/*' | sort)
xmlsec=$(pkg-config --cflags xmlsec1-openssl libxml-2.0 | sed 's/-I/-isystem /g')
flags="-std=c11 -D_DEFAULT_SOURCE -D_XOPEN_SOURCE=700 -Iinclude -Ilib -mcx16 $xmlsec"
# shellcheck disable=SC2086 # words
printf '%s\n' $files | xargs -P 2 -n 1 sh -c '
    flags=$1; shift
    clang-tidy --quiet --warnings-as-errors="*" "$@" -- $flags 2>/dev/null' lint "$flags"
# The NGINX module needs nginx's headers, which "make nginx" has prepared where nginx-dev is installed.
nginx=
if [ -f build/nginx/objs/ngx_auto_config.h ]; then
    nginx=$(find examples/nginx -name '*.c' | sort)
    places=build/nginx/objs
    for folder in core event event/modules os/unix http http/modules; do
        places="$places ${NGINX_SRC:-/usr/share/nginx/src}/src/$folder"
    done
    # shellcheck disable=SC2086 # words
    printf '%s\n' $nginx | xargs -P 2 -n 1 sh -c '
        flags=$1; shift
        clang-tidy --quiet --warnings-as-errors="*" "$@" -- $flags 2>/dev/null' lint \
        "$flags $(printf -- '-isystem %s ' $places)"
else
    echo "lint: examples/nginx is left out: \"make nginx\" first" >&2
fi
# shellcheck disable=SC2086 # words
cppcheck --quiet --std=c11 --language=c --error-exitcode=1 --inline-suppr -j 2 \
    --enable=warning,performance,portability --suppress=missingIncludeSystem \
    --suppressions-list=tests/tools/cppcheck.txt \
    -D_DEFAULT_SOURCE -D__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16 -Iinclude -Ilib $files $nginx
