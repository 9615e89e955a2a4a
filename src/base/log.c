#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE = 4096, QUOTED = 200, ROTATION = 8 };

static const struct {
    const char *name;
    char priority; /* syslog's */
} levels[] = {
    [NC_DEBUG] = {"debug", '7'},
    [NC_INFO] = {"info", '6'},
    [NC_WARN] = {"warn", '4'},
    [NC_ERROR] = {"error", '3'},
};

static _Atomic int threshold = NC_INFO;
static _Atomic bool to_journal;

void nc_log_level(enum nc_level least) { atomic_store(&threshold, (int)least); }
void nc_log_journal(bool journal) { atomic_store(&to_journal, journal); }

static size_t head(char *line, enum nc_level level)
{
    if (atomic_load_explicit(&to_journal, memory_order_relaxed)) {
        line[0] = '<';
        line[1] = levels[level].priority;
        line[2] = '>';
        return 3;
    }
    memcpy(line, "time=", 5);
    nc_time_text(nc_wall_ms(), line + 5);
    line[5 + NC_TIME_TEXT] = ' ';
    return 5 + NC_TIME_TEXT + 1;
}

void nc_log(enum nc_level level, const char *event, const char *fmt, ...)
{
    if ((int)level < atomic_load_explicit(&threshold, memory_order_relaxed))
        return;
    int saved = errno;
    char line[LINE];
    size_t n = head(line, level), room = LINE - 1; /* a byte is kept for the newline */

    int more = snprintf(line + n, room - n, "level=%s event=%s%s", levels[level].name,
                        event, *fmt ? " " : "");
    n += more > 0 ? (size_t)more : 0;
    n = n < room ? n : room - 1;
    size_t values = n;
    va_list ap;
    va_start(ap, fmt);
    more = vsnprintf(line + n, room - n, fmt, ap);
    va_end(ap);
    n += more > 0 ? (size_t)more : 0;
    n = n < room ? n : room - 1;

    /* Whatever a value smuggled in, an event stays one line. */
    for (size_t i = values; i < n; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[n++] = '\n';
    while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
        ;
    errno = saved;
}

const char *nc_log_q(struct nc_str s)
{
    static _Thread_local char texts[ROTATION][QUOTED * 4 + 8];
    static _Thread_local unsigned turn;
    char *out = texts[turn++ % ROTATION], *p = out;
    size_t n = s.n < QUOTED ? s.n : QUOTED;

    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--; /* not through the middle of a character */
    *p++ = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            *p++ = '\\';
            *p++ = (char)c;
        } else if (c == '\n') {
            *p++ = '\\';
            *p++ = 'n';
        } else if (c < ' ' || c == 0x7f) {
            *p++ = '\\';
            *p++ = 'x';
            *p++ = "0123456789abcdef"[c >> 4];
            *p++ = "0123456789abcdef"[c & 15];
        } else {
            *p++ = (char)c;
        }
    }
    if (n < s.n) {
        memcpy(p, "\xe2\x80\xa6", 3); /* an ellipsis */
        p += 3;
    }
    *p++ = '"';
    *p = '\0';
    return out;
}
