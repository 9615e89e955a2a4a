/*
 * config/manual: the option table, written out for people.
 */
#pragma once

#include <stdio.h>

#include "config/option.h"

void nc_manual_help(const struct nc_options *o, FILE *out, const char *usage);
void nc_manual_sample(const struct nc_options *o,
                      FILE *out); /* a commented configuration file */
void nc_manual_roff_flags(const struct nc_options *o,
                          FILE *out); /* .TP entries of a section 1/8 page */
void nc_manual_roff_keys(const struct nc_options *o,
                         FILE *out); /* .TP entries of a section 5 page */
void nc_manual_markdown(const struct nc_options *o,
                        FILE *out); /* the tables of docs/configuration.md */
