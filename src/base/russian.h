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

/* Does who sent this Accept-Language (or none) read Russian rather than anything else? */
bool nc_russian_wanted(struct nc_str accept_language);
