/*
 * client/glyph: text as a terminal shows it: characters, columns, lines.
 *
 * A glyph is what one press of backspace removes: a base with its combining marks, an
 * emoji with its modifiers and joiners, a pair of regional indicators.  Widths are those
 * of wcwidth, because curses counts with it too; the locale must be a UTF-8 one.
 */
#pragma once

#include "base/buf.h"

size_t nc_glyph_next(struct nc_str s, size_t at); /* where the glyph at `at` ends */
size_t nc_glyph_prev(struct nc_str s, size_t at); /* where the one before `at` begins */
unsigned nc_glyph_width(uint32_t cp);             /* 0, 1 or 2 */
unsigned nc_text_width(struct nc_str s);
/* The greatest end of a glyph within `columns`. */
size_t nc_text_fit(struct nc_str s, unsigned columns);

/*
 * Append a stranger's text so that it can be shown: what is malformed, steers the
 * terminal or turns the direction becomes U+FFFD, a tab blanks, CR LF one newline.
 *
 * lines: keep newlines; otherwise they become blanks.
 */
void nc_text_clean(struct nc_buf *out, struct nc_str s, bool lines);

/*
 * The next line of clean text wrapped at `columns` (>= 2), at blanks where there are any.
 * Starts with *at = 0; false when nothing is left.  An empty text is one empty line.
 */
bool nc_text_line(struct nc_str s, unsigned columns, size_t *at, struct nc_str *line);
