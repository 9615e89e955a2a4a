/*
 * base/russian: the node's words, for who reads Russian.
 *
 * Errors, reasons and notices are made in English: that is what programs get and logs have.
 * A person may get them through here.  What has no Russian stays as it is.
 */
#pragma once

#include "base/base.h"

struct nc_buf;

/* Appends `english` in Russian, or as it is.  True: there was Russian for it. */
bool nc_russian(struct nc_buf *out, struct nc_str english);

enum nc_language { NC_ANY_LANGUAGE, NC_ENGLISH, NC_RUSSIAN };

/* What who sent this Accept-Language reads first: Russian, or something else, for which
 * English stands; any where they said nothing ("*", or none at all). */
enum nc_language nc_language_wanted(struct nc_str accept_language);

/* Does who sent it (or none) read Russian rather than anything else? */
bool nc_russian_wanted(struct nc_str accept_language);
