#!/bin/sh
# Every public header must compile alone, as C11 and as C++11.
set -eu
cd "$(dirname "$0")/../.."
for header in include/clientid/*.h; do
    for language in 'c -std=c11' 'c++ -std=c++11'; do
        # shellcheck disable=SC2086 # two words
        printf '#include <clientid/%s>\ntypedef int not_empty;\n' "${header##*/}" |
            ${CC:-cc} -x $language -Iinclude -Wall -Wextra -Wpedantic -Werror -fsyntax-only - ||
            { echo "$header does not stand alone as $language" >&2; exit 1; }
    done
done
