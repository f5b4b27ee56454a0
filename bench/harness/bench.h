/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_H
#define BENCH_H

#include <clientid/clientid.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the files of this program share: see bench/README.md for what it measures and how to read it. */

/* ---- clock.c ---------------------------------------------------------------------------------- */

uint64_t clock_ns(void); /* monotonic */
uint64_t wall_ns(void);  /* since 1970 */
uint64_t cpu_ns(
    void); /* that this thread has used: others on the machine do not count, and no decision ever sleeps */
/* The finest clock there is: the processor's own where it has one. */
uint64_t ticks(void);
double ticks_per_ns(void);
uint32_t ticks_cost(void); /* of reading them twice */
void pause_ns(uint64_t ns);

/* ---- spread.c --------------------------------------------------------------------------------- */

/* Quartiles: half of all rounds lie between |low| and |high|. */
struct spread {
    double low, median, high;
};

struct spread spread_of(double *values, size_t count); /* sorts them */
uint64_t next_random(void);
void need(int rv, const char *what, const clientid_error *error); /* ends the program unless 0 */
void *need_memory(size_t bytes); /* zeroed, page aligned, huge pages if any */
void free_memory(void *memory, size_t bytes);

/* ---- results.c -------------------------------------------------------------------------------- */

struct figure {
    const char *section;
    char name[40];
    size_t clients;
    const char *unit;
    struct spread value;
    double floor; /* 0: it has none */
    double ratio; /* median of the rounds' own ratios */
};

struct target {
    char text[80];
    const char *unit;
    double value, limit;
    bool at_least; /* else at most */
};

struct options {
    bool quick, big;
    const char *only, *json, *tsv, *page, *folder, *commit;
};

extern struct options options;

void result(const char *section, const char *name, size_t clients, const char *unit, double value);
void result_figure(const struct figure *figure);
const struct figure *result_find(const char *section, const char *name, size_t clients);
void target(const char *text, const char *unit, double value, double limit, bool at_least);
bool target_met(const struct target *t);
/* An answer was not the expected one, so figures mean nothing: the program ends with status 1. */
void result_void(const char *section, const char *name, size_t clients, size_t wrong);
bool results_void(void);
const struct figure *results_figures(size_t *count);
const struct target *results_targets(size_t *count);
bool wanted(const char *section); /* --only */

/* page.c, json.c */
void page_write(const char *file);
int json_write(const char *file);
int tsv_write(const char *file);
void machine_line(char *out, size_t room);
void size_text(size_t clients, char out[16]);

/* ---- population.c ----------------------------------------------------------------------------- */

enum { ID_BYTES = 32, LIMITS_MAX = 4 };

/* Clients, each with one contract on the API instance "bench". */
struct population {
    size_t first, clients; /* numbers from |first| */
    clientid_limit limits[LIMITS_MAX];
    size_t limit_count;
    uint64_t revision;
    /* What the next delta does. */
    bool tier_changed;
    size_t replaced;              /* contracts drawn by chance, put into the other tier */
    size_t removed_from, removed; /* a range that goes */
    size_t added_from, added;     /* a range that comes */
    uint64_t generation;
};

void population_id(size_t number, char out[ID_BYTES]);
void population_secret(size_t number, char out[ID_BYTES]);
void population_source(struct population *population, clientid_source *out);

/* ---- subject.c -------------------------------------------------------------------------------- */

/* A gateway in step with a population: what is measured. */
struct subject {
    struct population population;
    clientid_gateway *gateway;
    clientid_sync *sync;
    clientid_worker *workers[2];
    const clientid_api *api;
    size_t cells; /* a client */
    uint64_t now_ns;
    double load_ms;
};

enum limit_kind { TOKEN_BUCKET, FIXED_WINDOW };
enum carrier { BY_QUERY, BY_HEADER, BY_BASIC, BY_ID };

void subject_open(struct subject *s, size_t clients, size_t cells);
void subject_close(struct subject *s);
void subject_configure(struct subject *s, enum carrier carrier, enum limit_kind kind);
void subject_limits(struct subject *s, size_t count, uint64_t maximum);
void subject_step(struct subject *s);

/* ---- requests.c ------------------------------------------------------------------------------- */

enum who { WHO_KNOWN, WHO_UNKNOWN, WHO_WRONG_SECRET };
enum access { UNIFORM, ZIPF, ONE_CLIENT };

/* One request's bytes: a query, an Authorization value, or id and secret one behind the other. */
struct shot {
    uint32_t client;
    uint32_t len;
    char text[];
};

struct requests {
    enum carrier carrier;
    size_t count; /* a power of two */
    size_t stride;
    char *memory;
};

void requests_make(struct requests *r, enum carrier carrier, enum who who, enum access access,
                   size_t clients, size_t count, size_t query_bytes);
/* Rewrites the list with clients from |first| on, one after the other. */
void requests_fill(struct requests *r, size_t first);
void requests_free(struct requests *r);

static inline const struct shot *request_at(const struct requests *r, size_t i)
{
    return (const struct shot *)(const void *)(r->memory + (i & (r->count - 1)) * r->stride);
}

/* A request just read from a socket is in the cache; so are these, for the decision and for its floor. */
static inline void request_fetch(const struct requests *r, size_t i)
{
    const char *at = (const char *)request_at(r, i);

    for (size_t k = 0; k < r->stride && k < 256; k += 64)
        __builtin_prefetch(at + k);
}

/* Requests of a host come one at a time: neither a decision nor a floor may begin before the last one's end. */
static inline void one_at_a_time(void)
{
#if defined(__x86_64__)
    __builtin_ia32_lfence();
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* The host's side: a list of header lines, as HTTP libraries keep it. */
struct host {
    enum carrier carrier;
    const struct shot *shot;
};

int host_header(void *host, clientid_str lower_name, size_t nth, clientid_str *value);
void request_set(clientid_request *request, struct host *host, const struct shot *shot);

/* ---- floor.c ---------------------------------------------------------------------------------- */

enum outcome { ALLOWED, DENIED_UNKNOWN, DENIED_SECRET, DENIED_QUOTA, OUTCOMES };

struct floor_work {
    enum carrier carrier;
    enum outcome outcome;
    unsigned limits;
};

struct floor;
struct floor *floor_new(size_t clients, unsigned limits);
void floor_del(struct floor *f);
/* |count| requests from |begin|; the sum depends on all that was read. */
uint64_t floor_run(struct floor *f, const struct floor_work *work, const struct requests *requests,
                   size_t begin, size_t count, uint64_t now_ns);
/* One dependent load after the other over the same bytes. */
double floor_miss_ns(struct floor *f);

/* ---- trial.c ---------------------------------------------------------------------------------- */

/* Decisions and their floor, in turns. */
struct trial {
    const char *section, *name;
    struct subject *subject;
    const struct requests *requests;
    struct floor *floor;
    struct floor_work work;
    size_t batch; /* 0: one by one */
};

/* Returns how many answers were not of |outcome|. */
size_t decide_run(struct subject *s, size_t worker, const struct requests *requests,
                  enum outcome outcome, size_t begin, size_t count, uint64_t now_ns);
/* The same for allowed ones, with what each took in |times|, in ticks. */
size_t decide_timed(struct subject *s, size_t worker, const struct requests *requests, size_t begin,
                    size_t count, uint64_t now_ns, uint32_t *times);
size_t decide_batch(struct subject *s, size_t batch, const struct requests *requests,
                    enum outcome outcome, size_t begin, size_t count, uint64_t now_ns);
bool answer_is(const clientid_decision *decision, enum outcome outcome);
size_t trial_count(size_t clients);                   /* requests of a list */
size_t trial_passes(const struct requests *requests); /* of a round */
double trial_measure(const struct trial *trial);      /* ns a decision */

/* ---- the questions, a file each --------------------------------------------------------------- */

void measure_scenarios(size_t clients);
void measure_base(size_t clients); /* the base alone */
void measure_main(void);
void measure_tail(struct subject *s, const struct requests *requests, struct floor *floor);
void measure_threads(struct subject *s, const struct requests *many, const struct requests *one);
void measure_memory(
    void); /* to be called first: it looks at a process that has done nothing else */
void measure_loads(void);
void measure_deltas(void);

#endif
