/* SPDX-License-Identifier: Apache-2.0 */
/* The portal about itself. */
#include "call.h"
#include "handlers.h"
#include "openapi.h"
#include "portal.h"

#include <clientid/delivery.h>

void document_openapi(struct call *call)
{
    call_answer(call, 200, openapi_json());
}

/* The store answers, and how much waits to be told. */
void document_health(struct call *call)
{
    clientid_error error = {0};
    uint64_t count = 0, oldest_ns = 0;
    int rc = clientid_control_delivery_backlog(call->control, &count, &oldest_ns, &error);
    uint64_t now_ns = realtime_ns();
    if (rc != 0) {
        call_error(call, rc, &error);
        return;
    }
    call_answer(call, 200,
                json_pack("{s:s,s:I,s:I}", "status", "ok", "outbox", (json_int_t)count,
                          "oldestSeconds",
                          (json_int_t)(oldest_ns != 0 && oldest_ns < now_ns
                                           ? (now_ns - oldest_ns) / 1000000000
                                           : 0)));
}
