/*
 * client/manual: the tables of commands and options, written out for people.
 */
#pragma once

#include <stdio.h>

#include "config/option.h"

void nc_client_help(const struct nc_options *o, FILE *out);
void nc_client_roff(const struct nc_options *o, FILE *out);
