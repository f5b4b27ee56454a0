/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_CHECK_H
#define CLIENTID_CHECK_H

#include <clientid/gateway.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The request path.  Nothing here allocates, locks, waits, reads a clock or makes a system call.  Time is
 * an argument everywhere: nanoseconds of CLOCK_REALTIME since 1970; a host passes its event loop's cached
 * time.
 */

/* ---- worker ---------------------------------------------------------------------------------- */

/*
 * What one thread of a host owns of a gateway: epoch slot, digest state, counters.  Create one per thread,
 * after fork; use it from one thread at a time.  At most CLIENTID_WORKERS_MAX live at once.
 */
typedef struct clientid_worker clientid_worker;

#define CLIENTID_WORKERS_MAX 1024

/*
 * CLIENTID_ERR_ARG, _NOMEM (also when there are too many workers, here or in all processes that share counters),
 * _CRYPTO.
 */
CLIENTID_EXPORT int clientid_worker_new(clientid_worker **out, clientid_gateway *gateway);
/* Its counters stay in the gateway's sums.  NULL is fine. */
CLIENTID_EXPORT void clientid_worker_del(clientid_worker *worker);
/* Adds one decision's duration, measured by the host, to the latency histogram. */
CLIENTID_EXPORT void clientid_worker_latency(clientid_worker *worker, uint64_t elapsed_ns);

/* ---- request --------------------------------------------------------------------------------- */

/*
 * The |nth| (from 0) header line of that name, as received, without folding or joining lines.  |lower_name|
 * is in lower case; names compare without regard to case.  Returns 1 and sets |*value|, 0 when there is
 * none, a negative number when the host cannot tell (the check then fails with it).  |*value| must live as
 * long as the request.
 */
typedef int clientid_header_fn(void *host, clientid_str lower_name, size_t nth,
                               clientid_str *value);

#define CLIENTID_SCRATCH_BYTES 4096 /* credentials that do not fit are refused as too long */
#define CLIENTID_LIMITS_MAX    16 /* limits that one request can be charged, all policies together */

enum {
    CLIENTID_PEEK = 1,          /* decide and report, charge and count nothing */
    CLIENTID_BODY_GIVEN = 2,    /* |body| is the whole request body (it may be empty) */
    CLIENTID_BODY_TOO_LARGE = 4 /* the body exceeds what the host will buffer */
};

/*
 * One HTTP request, raw: as it came over the wire, nothing decoded, joined or normalised.  All slices stay
 * with the host and must live, with |scratch|, as long as the decision is used.
 */
typedef struct clientid_request {
    size_t size; /* sizeof(clientid_request) */
    clientid_str method;
    clientid_str path;  /* up to, without, the first '?' */
    clientid_str query; /* after the first '?', without it; empty when there is none */
    clientid_header_fn *header;
    void *host; /* given back to |header| */
    clientid_str body;
    unsigned flags; /* CLIENTID_PEEK and so on; unknown bits: CLIENTID_ERR_ARG */
    uint64_t cost;  /* what the request charges every limit; 0 counts as 1; at most 1000000 */
    uint64_t now_ns;
    char *scratch; /* at least CLIENTID_SCRATCH_BYTES, wiped of secrets before return */
    size_t scratch_len;
} clientid_request;

#define CLIENTID_PARAM_NAME_BYTES                                                                  \
    129 /* of a parameter or header name that an expression reads, with NUL */

/* What clientid_check may read of a request besides method and path: bits of clientid_api_wants. */
enum { CLIENTID_WANTS_QUERY = 1, CLIENTID_WANTS_HEADERS = 2, CLIENTID_WANTS_BODY = 4 };

/* Which parts the configuration in force reads; 0 for an unknown API instance. */
CLIENTID_EXPORT unsigned clientid_api_wants(clientid_worker *worker, const clientid_api *api);

/*
 * 1 when a policy reads a header whose name has an underscore; |name| is then the first one, NUL-terminated.
 * Hosts that drop such header lines (NGINX by default) must refuse to start.  0 when there is none.
 */
CLIENTID_EXPORT int clientid_api_underscore_header(clientid_worker *worker, const clientid_api *api,
                                                   char name[CLIENTID_PARAM_NAME_BYTES]);

/* ---- decision -------------------------------------------------------------------------------- */

typedef enum clientid_verdict {
    CLIENTID_ALLOW = 1,
    CLIENTID_DENY = 2,
    CLIENTID_DELAY = 3,    /* wait |delay_ns|, then clientid_resume; or clientid_cancel */
    CLIENTID_NEED_BODY = 4 /* call clientid_check again with CLIENTID_BODY_GIVEN or _TOO_LARGE */
} clientid_verdict;

/* X(name, label for logs and metrics, verdict it comes with, what it means) */
#define CLIENTID_REASON_MAP(X)                                                                     \
    X(ALLOWED, "allowed", ALLOW, "all policies passed")                                            \
    X(NO_POLICY, "no-policy", ALLOW, "no policy applies to this method and path")                  \
    X(PREFLIGHT, "preflight", ALLOW, "a CORS preflight, let through uncharged")                    \
    X(GATEKEEPER_DISABLED, "gatekeeper-disabled", ALLOW,                                           \
      "contracts are not loaded and the gatekeeper is disabled")                                   \
    X(ID_MISSING, "client-id-missing", DENY, "no client id in the request")                        \
    X(SECRET_MISSING, "client-secret-missing", DENY, "a client id without the client secret")      \
    X(CREDENTIALS_MALFORMED, "credentials-malformed", DENY,                                        \
      "credentials that break a syntax rule")                                                      \
    X(CREDENTIALS_AMBIGUOUS, "credentials-ambiguous", DENY,                                        \
      "more than one reading of the credentials")                                                  \
    X(CREDENTIALS_TOO_LONG, "credentials-too-long", DENY, "a cap on length or count was exceeded") \
    X(BODY_TOO_LARGE, "body-too-large", DENY, "the body with the credentials exceeds the cap")     \
    X(CLIENT_UNKNOWN, "client-unknown", DENY,                                                      \
      "no contract of that client id on this API instance")                                        \
    X(SECRET_WRONG, "client-secret-wrong", DENY, "the client secret does not match")               \
    X(SECRET_EXPIRED, "client-secret-expired", DENY, "the secret matches outside its validity")    \
    X(CONTRACT_PENDING, "contract-pending", DENY, "the contract waits for approval")               \
    X(CONTRACT_REJECTED, "contract-rejected", DENY, "the contract was rejected")                   \
    X(CONTRACT_REVOKED, "contract-revoked", DENY, "the contract was revoked")                      \
    X(QUOTA_EXCEEDED, "quota-exceeded", DENY, "a limit is used up")                                \
    X(QUEUE_FULL, "queue-full", DENY, "a limit is used up and the queue of waiting requests full") \
    X(DELAYS_EXHAUSTED, "delays-exhausted", DENY, "a limit is used up after the last delay")       \
    X(REGISTRY_NOT_LOADED, "contracts-unreachable", DENY, "contracts were not loaded yet")         \
    X(REGISTRY_EXPIRED, "contracts-expired", DENY, "contracts are older than the maximum age")     \
    X(API_UNKNOWN, "api-unknown", DENY, "the configuration does not know this API instance")       \
    X(LIMITS_INVALID, "limits-invalid", DENY, "the limits of tier and policies cannot be kept")    \
    X(THROTTLED, "throttled", DELAY, "a limit is used up, the request waits")                      \
    X(BODY_NEEDED, "body-needed", NEED_BODY, "credentials may be in the body")

typedef enum clientid_reason {
#define CLIENTID_REASON_ENUM(name, label, verdict, text) CLIENTID_REASON_##name,
    CLIENTID_REASON_MAP(CLIENTID_REASON_ENUM)
#undef CLIENTID_REASON_ENUM
        CLIENTID_REASON_COUNT
} clientid_reason;

/* The label of a reason and its meaning: static strings; "?" for unknown numbers. */
CLIENTID_EXPORT const char *clientid_reason_label(clientid_reason reason);
CLIENTID_EXPORT const char *clientid_reason_text(clientid_reason reason);
/* "allow", "deny", "delay", "need-body". */
CLIENTID_EXPORT const char *clientid_verdict_label(clientid_verdict verdict);

typedef enum clientid_algorithm {
    CLIENTID_FIXED_WINDOW = 1,   /* begins with the first request; admits exactly its count */
    CLIENTID_SLIDING_WINDOW = 2, /* the last period, from two counters, never more than its count
                                    in any window as estimated */
    CLIENTID_TOKEN_BUCKET = 3    /* over any interval t at most burst + rate x t */
} clientid_algorithm;

enum {
    CLIENTID_LIMIT_VISIBLE = 1, /* shown in quota headers */
    CLIENTID_LIMIT_BOUND = 2,   /* this one refused the request */
    CLIENTID_LIMIT_SHADOW = 4,  /* of a policy in shadow mode: reported, never refuses */
    CLIENTID_LIMIT_TIER = 8     /* of the contract's tier, not of the policy itself */
};

/* One limit as it stands after the decision (or, when denied, as it stood). */
typedef struct clientid_limit_report {
    clientid_str policy; /* label of the policy it belongs to; lives as long as the gateway */
    uint64_t maximum_requests;
    uint64_t period_ns;
    uint64_t remaining; /* requests of cost 1 that would still be admitted now */
    uint64_t reset_ns;  /* from now until the full quota is back (fixed window: until it ends) */
    uint32_t algorithm; /* clientid_algorithm */
    uint32_t flags;     /* CLIENTID_LIMIT_VISIBLE and so on */
} clientid_limit_report;

/* What was charged, to be given back by clientid_refund.  Opaque; copy it freely; no pointer inside. */
typedef struct clientid_receipt {
    uint32_t count;
    uint32_t reserved;
    struct {
        uint64_t key[2];
        uint64_t charge[2];
    } entry[CLIENTID_LIMITS_MAX];
} clientid_receipt;

/* What a delayed request holds: its place in the queue and its attempts.  Opaque; do not copy. */
typedef struct clientid_ticket {
    const clientid_api *api;
    void *queue; /* lives as long as the gateway */
    uint32_t attempts;
    uint32_t held; /* 1 while it occupies a place */
} clientid_ticket;

/*
 * One decision.  Fixed size; slices point into the request, its scratch, or memory that lives as long as
 * the gateway.  All fields are set by clientid_check, clientid_resume.
 */
typedef struct clientid_decision {
    size_t size; /* sizeof(clientid_decision), set by the caller */
    clientid_verdict verdict;
    clientid_reason reason;
    const clientid_api *api;
    clientid_str policy; /* label of the policy that decided, or empty */

    /* Who.  |client_id| is set as soon as one was read, verified or not; the others with a contract. */
    clientid_str client_id;
    clientid_str client_name;
    clientid_str tier;
    uint64_t contract_id; /* 0 without a contract */
    uint64_t application_id;
    uint64_t tier_id;      /* 0 without a tier */
    uint8_t verified;      /* 1: contract approved and, where a policy wants it, secret verified */
    uint8_t secret_slot;   /* 1 or 2: the slot that matched; 0: none was checked */
    uint8_t from_query;    /* 1: a credential came by query: the answer is private to this client */
    uint8_t degraded;      /* 1: the source of contracts has been out of reach for a while */
    uint8_t shadow_denied; /* 1: a policy in shadow mode would have refused */
    uint8_t peeked;        /* 1: nothing was charged or counted because CLIENTID_PEEK was given */
    uint8_t reserved[2];
    clientid_reason shadow_reason; /* of the first such policy, with shadow_denied */
    clientid_str shadow_policy;
    uint64_t registry_revision; /* of the source; 0 before the first load */

    uint64_t delay_ns; /* DELAY: how long to wait before clientid_resume */
    /*
     * DENY for quota: when a request of this cost may pass; UINT64_MAX: never, it costs more than a limit
     * admits at once.  Else 0.
     */
    uint64_t retry_after_ns;
    clientid_ticket ticket; /* DELAY: give it to clientid_resume or clientid_cancel, exactly one */
    uint32_t limit_count;
    uint32_t bound_limit; /* index of the limit that refused, or UINT32_MAX */
    clientid_limit_report limits[CLIENTID_LIMITS_MAX];
    clientid_receipt receipt;
    const void *answer; /* how refusals look and what is stripped; lives as long as the gateway */
} clientid_decision;

/*
 * Decides.  Returns 0 with a verdict in |decision|, or a negative code when nobody could decide: the host
 * then must not forward.  CLIENTID_ERR_ARG (sizes, NULL, flags), CLIENTID_ERR_SPACE (scratch too small), or
 * what |request->header| returned.
 */
CLIENTID_EXPORT int clientid_check(clientid_worker *worker, const clientid_api *api,
                                   const clientid_request *request, clientid_decision *decision);

#define CLIENTID_BATCH_GROUP 8 /* requests that are looked at together */

typedef struct clientid_batch_entry {
    const clientid_api *api;
    const clientid_request *request; /* each entry has its own request, scratch and decision */
    clientid_decision *decision;
    int rv; /* set: what clientid_check would have returned */
} clientid_batch_entry;

/*
 * Decides |count| requests, with the results that clientid_check would give for one after the other.  For hosts that have
 * several in hand, as after one epoll_wait: memory is fetched for CLIENTID_BATCH_GROUP of them while others are looked
 * at, which at a million clients takes half the time.  All requests' header functions may be called before the first
 * decision is made, and none of them may use the same worker.  0, or CLIENTID_ERR_ARG (NULL) with nothing decided; an entry
 * that cannot be decided has its own |rv|, and the others are decided all the same.
 */
CLIENTID_EXPORT int clientid_check_batch(clientid_worker *worker, clientid_batch_entry *entries,
                                         size_t count);

/*
 * Decides again after a DELAY.  |request| is the same request with a new |now_ns|; contract, secret and
 * limits are checked anew.  |decision| still holds the ticket of the DELAY and receives the new verdict;
 * ALLOW and DENY free the place in the queue.  On an error the place is free too.  May be called before
 * |delay_ns| has passed, the attempt counts.  From any worker of the same gateway.  Errors as clientid_check.
 */
CLIENTID_EXPORT int clientid_resume(clientid_worker *worker, const clientid_request *request,
                                    clientid_decision *decision);

/* Frees the place in the queue of a delayed request whose client left.  Any thread. */
CLIENTID_EXPORT void clientid_cancel(clientid_decision *decision);

/*
 * Gives back what |receipt| charged, as far as it still lies in the future: nothing of a window that has
 * ended.  For an upstream that never saw the request.  Call at most once per receipt.  CLIENTID_ERR_ARG.
 */
CLIENTID_EXPORT int clientid_refund(clientid_worker *worker, const clientid_receipt *receipt,
                                    uint64_t now_ns);

/* ---- what to forward ------------------------------------------------------------------------- */

/*
 * Writes |query| without any credential parameter of the API instance's policies, every other byte as it
 * was, to |out| (|*len|: its size on entry, bytes written on return; |query.len| always suffices).  To be
 * used for every forwarded request, allowed or not needing credentials.  CLIENTID_ERR_SPACE.
 */
CLIENTID_EXPORT int clientid_strip(const clientid_decision *decision, clientid_str query, char *out,
                                   size_t *len);

/* 1 when header lines of this name must not be forwarded, else 0.  Without regard to case. */
CLIENTID_EXPORT int clientid_strips_header(const clientid_decision *decision, clientid_str name);

/* ---- what to answer -------------------------------------------------------------------------- */

typedef struct clientid_header {
    clientid_str name;
    clientid_str value;
} clientid_header;

#define CLIENTID_ANSWER_HEADERS 12

/*
 * For a DENY, the whole answer.  For an ALLOW, |status| is 0, |body| empty and the headers are to be added to
 * the upstream's answer (quota headers, Cache-Control).  Slices point into |text| or memory that lives as
 * long as the gateway.
 */
typedef struct clientid_answer {
    size_t size; /* sizeof(clientid_answer), set by the caller */
    unsigned status;
    size_t header_count;
    clientid_header
        headers[CLIENTID_ANSWER_HEADERS]; /* Content-Type included, Content-Length not */
    clientid_str body;
    char text[2048];
} clientid_answer;

/* CLIENTID_ERR_ARG for sizes, or a verdict that has no answer (DELAY, NEED_BODY). */
CLIENTID_EXPORT int clientid_render(const clientid_decision *decision, clientid_answer *answer);

#ifdef __cplusplus
}
#endif

#endif
