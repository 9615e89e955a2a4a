/*
 * llm/fault: what kind of failure it is, from a status and the words of a server.
 */
#pragma once

#include "llm/provider.h"

/* Never NONE.  status: of the answer, or 200 for an error inside of one; body: as it
 * came, of which the first 4 KiB are looked at. */
enum nc_llm_fault nc_llm_fault_of(unsigned status, struct nc_str body);
/* Milliseconds a Retry-After asks for (seconds or a date), at most a day; 0: none. */
unsigned nc_llm_retry_ms(struct nc_str value, uint64_t wall_ms);
