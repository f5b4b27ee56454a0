/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs that cross the boundary only ever grow at their end: hosts that were built before must find every field where
 * it was.  A row that fails means a new SONAME.
 */
#include <clientid/clientid.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* On machines with 8-byte pointers; the others have offsets of their own. */
static const struct {
    const char *what;
    size_t is, was;
} rows[] = {
    {"clientid_error.code", offsetof(clientid_error, code), 0},
    {"clientid_error.line", offsetof(clientid_error, line), 4},
    {"clientid_error.column", offsetof(clientid_error, column), 8},
    {"clientid_error.pointer", offsetof(clientid_error, pointer), 12},
    {"clientid_error.file", offsetof(clientid_error, file), 140},
    {"clientid_error.text", offsetof(clientid_error, text), 268},
    {"sizeof clientid_error", sizeof(clientid_error), 524},
    {"clientid_options.config", offsetof(clientid_options, config), 8},
    {"clientid_options.config_name", offsetof(clientid_options, config_name), 24},
    {"clientid_options.allocator", offsetof(clientid_options, allocator), 32},
    {"clientid_options.warn", offsetof(clientid_options, warn), 40},
    {"clientid_options.warn_self", offsetof(clientid_options, warn_self), 48},
    {"clientid_options.shared_counters", offsetof(clientid_options, shared_counters), 56},
    {"clientid_options.flags", offsetof(clientid_options, flags), 60},
    {"sizeof clientid_options", sizeof(clientid_options), 64},
    {"clientid_status.serving", offsetof(clientid_status, serving), 8},
    {"clientid_status.reason", offsetof(clientid_status, reason), 12},
    {"clientid_status.loaded", offsetof(clientid_status, loaded), 16},
    {"clientid_status.degraded", offsetof(clientid_status, degraded), 20},
    {"clientid_status.source_reached", offsetof(clientid_status, source_reached), 24},
    {"clientid_status.revision", offsetof(clientid_status, revision), 32},
    {"clientid_status.contact_ns", offsetof(clientid_status, contact_ns), 40},
    {"clientid_status.contracts", offsetof(clientid_status, contracts), 48},
    {"sizeof clientid_status", sizeof(clientid_status), 56},
    {"clientid_request.method", offsetof(clientid_request, method), 8},
    {"clientid_request.path", offsetof(clientid_request, path), 24},
    {"clientid_request.query", offsetof(clientid_request, query), 40},
    {"clientid_request.header", offsetof(clientid_request, header), 56},
    {"clientid_request.host", offsetof(clientid_request, host), 64},
    {"clientid_request.body", offsetof(clientid_request, body), 72},
    {"clientid_request.flags", offsetof(clientid_request, flags), 88},
    {"clientid_request.cost", offsetof(clientid_request, cost), 96},
    {"clientid_request.now_ns", offsetof(clientid_request, now_ns), 104},
    {"clientid_request.scratch", offsetof(clientid_request, scratch), 112},
    {"clientid_request.scratch_len", offsetof(clientid_request, scratch_len), 120},
    {"sizeof clientid_request", sizeof(clientid_request), 128},
    {"clientid_decision.verdict", offsetof(clientid_decision, verdict), 8},
    {"clientid_decision.reason", offsetof(clientid_decision, reason), 12},
    {"clientid_decision.api", offsetof(clientid_decision, api), 16},
    {"clientid_decision.policy", offsetof(clientid_decision, policy), 24},
    {"clientid_decision.client_id", offsetof(clientid_decision, client_id), 40},
    {"clientid_decision.client_name", offsetof(clientid_decision, client_name), 56},
    {"clientid_decision.tier", offsetof(clientid_decision, tier), 72},
    {"clientid_decision.contract_id", offsetof(clientid_decision, contract_id), 88},
    {"clientid_decision.application_id", offsetof(clientid_decision, application_id), 96},
    {"clientid_decision.tier_id", offsetof(clientid_decision, tier_id), 104},
    {"clientid_decision.verified", offsetof(clientid_decision, verified), 112},
    {"clientid_decision.secret_slot", offsetof(clientid_decision, secret_slot), 113},
    {"clientid_decision.from_query", offsetof(clientid_decision, from_query), 114},
    {"clientid_decision.degraded", offsetof(clientid_decision, degraded), 115},
    {"clientid_decision.shadow_denied", offsetof(clientid_decision, shadow_denied), 116},
    {"clientid_decision.peeked", offsetof(clientid_decision, peeked), 117},
    {"clientid_decision.shadow_reason", offsetof(clientid_decision, shadow_reason), 120},
    {"clientid_decision.shadow_policy", offsetof(clientid_decision, shadow_policy), 128},
    {"clientid_decision.registry_revision", offsetof(clientid_decision, registry_revision), 144},
    {"clientid_decision.delay_ns", offsetof(clientid_decision, delay_ns), 152},
    {"clientid_decision.retry_after_ns", offsetof(clientid_decision, retry_after_ns), 160},
    {"clientid_decision.ticket", offsetof(clientid_decision, ticket), 168},
    {"clientid_decision.limit_count", offsetof(clientid_decision, limit_count), 192},
    {"clientid_decision.bound_limit", offsetof(clientid_decision, bound_limit), 196},
    {"clientid_decision.limits", offsetof(clientid_decision, limits), 200},
    {"clientid_decision.receipt", offsetof(clientid_decision, receipt), 1096},
    {"clientid_decision.answer", offsetof(clientid_decision, answer), 1616},
    {"sizeof clientid_decision", sizeof(clientid_decision), 1624},
    {"sizeof clientid_limit_report", sizeof(clientid_limit_report), 56},
    {"sizeof clientid_receipt", sizeof(clientid_receipt), 520},
    {"sizeof clientid_ticket", sizeof(clientid_ticket), 24},
    {"clientid_answer.status", offsetof(clientid_answer, status), 8},
    {"clientid_answer.header_count", offsetof(clientid_answer, header_count), 16},
    {"clientid_answer.headers", offsetof(clientid_answer, headers), 24},
    {"clientid_answer.body", offsetof(clientid_answer, body), 408},
    {"clientid_answer.text", offsetof(clientid_answer, text), 424},
    {"sizeof clientid_answer", sizeof(clientid_answer), 2472},
    {"clientid_source.self", offsetof(clientid_source, self), 8},
    {"clientid_source.load", offsetof(clientid_source, load), 16},
    {"clientid_source.changes", offsetof(clientid_source, changes), 24},
    {"clientid_source.poll", offsetof(clientid_source, poll), 32},
    {"clientid_source.close", offsetof(clientid_source, close), 40},
    {"sizeof clientid_source", sizeof(clientid_source), 48},
    {"clientid_event.type", offsetof(clientid_event, type), 0},
    {"clientid_event.revision", offsetof(clientid_event, revision), 8},
    {"clientid_event.u", offsetof(clientid_event, u), 16},
    {"sizeof clientid_event", sizeof(clientid_event), 288},
    {"sizeof clientid_secret", sizeof(clientid_secret), 96},
    {"sizeof clientid_contract_event", sizeof(clientid_contract_event), 272},
    {"sizeof clientid_tier_event", sizeof(clientid_tier_event), 40},
    {"sizeof clientid_group_event", sizeof(clientid_group_event), 32},
    {"sizeof clientid_limit", sizeof(clientid_limit), 24},
    {"sizeof clientid_position", sizeof(clientid_position), 16},
    {"clientid_sync_options.state", offsetof(clientid_sync_options, state), 8},
    {"clientid_sync_options.interval_ns", offsetof(clientid_sync_options, interval_ns), 16},
    {"clientid_sync_options.mode", offsetof(clientid_sync_options, mode), 24},
    {"clientid_sync_options.log", offsetof(clientid_sync_options, log), 32},
    {"clientid_sync_options.log_self", offsetof(clientid_sync_options, log_self), 40},
    {"clientid_limits_info.source_identity", offsetof(clientid_limits_info, source_identity), 32},
    {"clientid_limits_info.region", offsetof(clientid_limits_info, region), 72},
    {"sizeof clientid_limits_info", sizeof(clientid_limits_info), 264},
    {"sizeof clientid_limits_cells", sizeof(clientid_limits_cells), 64},
    {"sizeof clientid_limits_cleared", sizeof(clientid_limits_cleared), 48},
    {"clientid_limit_standing.capacity", offsetof(clientid_limit_standing, capacity), 56},
    {"sizeof clientid_limit_standing", sizeof(clientid_limit_standing), 80},
    {"sizeof clientid_sync_options", sizeof(clientid_sync_options), 48},
};

static void test_nothing_moved(void **state)
{
    (void)state;
    for (size_t i = 0; sizeof(void *) == 8 && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].is != rows[i].was)
            fail_msg("%s is %zu, was %zu", rows[i].what, rows[i].is, rows[i].was);
}

/* Numbers that hosts have in their logs, tables and switches. */
static void test_numbers_stay(void **state)
{
    (void)state;
    assert_int_equal(CLIENTID_ALLOW, 1);
    assert_int_equal(CLIENTID_DENY, 2);
    assert_int_equal(CLIENTID_DELAY, 3);
    assert_int_equal(CLIENTID_NEED_BODY, 4);
    assert_int_equal(CLIENTID_PENDING, 1);
    assert_int_equal(CLIENTID_APPROVED, 2);
    assert_int_equal(CLIENTID_REJECTED, 3);
    assert_int_equal(CLIENTID_REVOKED, 4);
    assert_int_equal(CLIENTID_SECRET_SHA256, 1);
    assert_int_equal(CLIENTID_SECRET_HMAC_SHA256, 2);
    assert_int_equal(CLIENTID_REASON_ALLOWED, 0);
    assert_string_equal(clientid_version(), "0.1.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_moved),
        cmocka_unit_test(test_numbers_stay),
    };

    return cmocka_run_group_tests_name("binary interface", tests, NULL, NULL);
}
