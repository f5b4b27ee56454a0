/* SPDX-License-Identifier: Apache-2.0 */
#include "work.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* xorshift64: short enough to be written again in every language. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static const uint64_t seed = 88172645463325252ULL;

uint64_t work_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static FILE *open_file(const char *name, const char *mode)
{
    FILE *file = fopen(name, mode);

    if (file == NULL) {
        perror(name);
        exit(1);
    }
    return file;
}

void work_write_keys(const char *name, size_t count)
{
    FILE *file = open_file(name, "w");
    uint64_t state = seed ^ count;

    for (size_t i = 0; i < count; i++) {
        uint64_t high = next_random(&state), low = next_random(&state);

        fprintf(file, "%016llx%016llx\n", (unsigned long long)high, (unsigned long long)low);
    }
    if (fclose(file) != 0) {
        perror(name);
        exit(1);
    }
}

static void read_keys(struct work *work, const char *name)
{
    FILE *file = open_file(name, "r");
    char line[KEY_LEN + 2];
    size_t room = 0;

    while (fgets(line, sizeof line, file) != NULL && strlen(line) == KEY_LEN + 1) {
        if (work->count == room) {
            room = room == 0 ? 1024 : 2 * room;
            work->keys = realloc(work->keys, room * sizeof *work->keys);
            if (work->keys == NULL)
                exit(1);
        }
        memcpy(work->keys[work->count++], line, KEY_LEN);
    }
    fclose(file);
}

struct work work_read(const char *name, size_t decisions)
{
    struct work work = {.decisions = decisions};
    uint64_t state = seed;

    read_keys(&work, name);
    work.order = calloc(decisions, sizeof *work.order);
    if (work.count == 0 || work.order == NULL) {
        fprintf(stderr, "%s: no keys\n", name);
        exit(1);
    }
    for (size_t i = 0; i < decisions; i++)
        work.order[i] = (uint32_t)(next_random(&state) % work.count);
    return work;
}

void work_free(struct work *work)
{
    free(work->keys);
    free(work->order);
}

static void *thread_main(void *argument)
{
    struct share *share = argument;

    share->allowed = share->decide(share);
    return NULL;
}

void work_measure(const char *name, const char *version, const struct work *work,
                  size_t (*decide)(struct share *), void *driver, size_t count)
{
    for (unsigned threads = 1; threads <= WORK_THREADS_MAX; threads++) {
        struct share shares[WORK_THREADS_MAX];
        pthread_t ids[WORK_THREADS_MAX];
        size_t allowed = 0;
        uint64_t start = work_clock_ns();

        for (unsigned t = 0; t < threads; t++) {
            shares[t] = (struct share){.decide = decide,
                                       .driver = driver,
                                       .work = work,
                                       .begin = t * (work->decisions / 2),
                                       .count = count,
                                       .thread = t};
            if (pthread_create(&ids[t], NULL, thread_main, &shares[t]) != 0)
                exit(1);
        }
        for (unsigned t = 0; t < threads; t++) {
            pthread_join(ids[t], NULL);
            allowed += shares[t].allowed;
        }
        printf("%s\t%s\t%zu\t%u\t%.1f\t%zu\t%zu\n", name, version, work->count, threads,
               (double)(work_clock_ns() - start) / (double)(threads * count), allowed,
               threads * count);
        fflush(stdout);
    }
}

void work_check_tiny(const char *name, size_t allowed)
{
    if (allowed == WORK_TINY)
        return;
    fprintf(stderr, "%s: allowed %zu of a limit of %d\n", name, allowed, WORK_TINY);
    exit(1);
}
