/*
 * server/v1_answer: the answer to a question under /v1, whole or as it comes.
 *
 * The call's body is what is asked.  Who hangs up stops it; who reads slowly makes the
 * server upstream wait.
 */
#pragma once

#include "server/call.h"

void nc_v1_ask(struct nc_call *call, bool embed);
