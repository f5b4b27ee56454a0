/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEPARATE_POOLS_H
#define SEPARATE_POOLS_H

/*
 * Included ahead of every file of the NGINX module when a sanitizer looks on ("make asan-hosts").  nginx cuts what a module
 * asks of a pool from one block, so that reading past its end would be reading its neighbour: here each piece is a block
 * of its own, which ends where it was asked to end and is gone with the pool.
 */
#include <ngx_config.h>

#include <ngx_core.h>

#define ngx_palloc(pool, size)  ngx_pmemalign((pool), (size) != 0 ? (size) : 1, 16)
#define ngx_pnalloc(pool, size) ngx_pmemalign((pool), (size) != 0 ? (size) : 1, 16)
#define ngx_pcalloc(pool, size) separate_pcalloc((pool), (size))

static inline void *separate_pcalloc(ngx_pool_t *pool, size_t size)
{
    void *memory = ngx_palloc(pool, size);
    if (memory != NULL)
        ngx_memzero(memory, size);
    return memory;
}

#endif
