/*
 * ai/tokens: how many tokens a text may be.
 *
 * Pure.  A guess, for budgets and for answers nobody counted, and always told as one:
 * models differ.
 */
#pragma once

#include "base/base.h"

uint64_t nc_tokens_guess(struct nc_str text);
