/*
 * What the tests of the client's model say things with: JSON by printf, ids by their text
 * or number.
 */
#pragma once

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/id.h"

static json_t *json(const char *fmt, ...) NC_PRINTF(1, 2);
static json_t *json(const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *j = json_loads(text, 0, NULL);
    assert_non_null(j);
    return j;
}

static struct nc_id id(const char *text)
{
    struct nc_id out;
    assert_int_equal(nc_id_parse(nc_str(text), &out), NC_OK);
    return out;
}

static struct nc_id message_id(unsigned n)
{
    char text[64];
    snprintf(text, sizeof text, "01900000-0000-7000-8000-%012u", n);
    return id(text);
}
