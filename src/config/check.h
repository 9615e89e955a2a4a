/*
 * config/check: what is wrong with a value, in words; for the `check` of an option.
 */
#pragma once

/* An http(s) URL with a host and without credentials. */
const char *nc_check_url(const char *v);
/* A file that is there (a pipe or device too, so that <(…) works). */
const char *nc_check_file(const char *v);
const char *nc_check_folder(const char *v);
