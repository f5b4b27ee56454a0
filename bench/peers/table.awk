# SPDX-License-Identifier: Apache-2.0
# Lines of run.sh: round, name, version, keys, threads, ns, allowed, asked.  Medians over rounds; multiples are medians of the
# multiples within a round, so that what slows a round down slows both sides.

function median(values, count,    i, j, x) {
    for (i = 2; i <= count; i++) {
        x = values[i]
        for (j = i - 1; j >= 1 && values[j] > x; j--)
            values[j + 1] = values[j]
        values[j + 1] = x
    }
    return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
}

function figure(name, keys, threads,    r, n, values) {
    for (r = 1; r <= rounds; r++)
        if ((r, name, keys, threads) in ns)
            values[++n] = ns[r, name, keys, threads]
    return n ? sprintf("%.0f", median(values, n)) : "-"
}

function multiple(name, keys,    r, n, x, values) {
    for (r = 1; r <= rounds; r++)
        if ((r, name, keys, 1) in ns && (r, same, keys, 1) in ns)
            values[++n] = ns[r, name, keys, 1] / ns[r, same, keys, 1]
    if (!n)
        return "-"
    x = median(values, n)
    return sprintf(x < 10 ? "%.2f" : "%.0f", x)
}

# What it leaves out beside "libclientid, id, secret, limit".
function lacks(name) {
    if (name ~ /^libclientid, limit/)
        return "no identity, no secret: what the peers do, and reads the query"
    if (name ~ /^libclientid, id and/)
        return "no secret check"
    if (name ~ /^libclientid/)
        return ""
    if (name ~ /^nginx Lua.*window/)
        return outside "; all counts of one nginx; one lock for all"
    if (name ~ /^nginx Lua/)
        return outside "; as above, and two workers can allow too much"
    if (name ~ /^Redis/)
        return outside "; a server that all share; none without it"
    return outside "; one process; forgets at restart"
}

BEGIN {
    same = "libclientid, limit by a key"
    outside = "is handed the key: no request read, no identity, no secret"
}

{
    ns[$1, $2, $4, $5] = $6
    done[$4] = $1
    if ($1 > rounds)
        rounds = $1
    if (!($2 in version))
        names[++name_count] = $2
    version[$2] = $3
    if (!($4 in seen)) {
        seen[$4] = 1
        sizes[++size_count] = $4
    }
}

END {
    printf "ns a decision, 1 and 2 threads; x: multiple of \"%s\", 1 thread; medians of rounds:", same
    for (s = 1; s <= size_count; s++)
        printf " %d", done[sizes[s]]
    printf "\n\n"
    printf "%-37s %-9s", "", "version"
    for (s = 1; s <= size_count; s++)
        printf " %22s", sizes[s] " keys: 1, 2, x"
    printf "   does not do\n"
    for (i = 1; i <= name_count; i++) {
        name = names[i]
        printf "%-37s %-9s", name, version[name]
        for (s = 1; s <= size_count; s++)
            printf " %8s %7s %5s", figure(name, sizes[s], 1), figure(name, sizes[s], 2), multiple(name, sizes[s])
        printf "   %s\n", lacks(name)
    }
    printf "\n"
}
