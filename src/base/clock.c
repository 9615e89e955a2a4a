#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

static _Atomic int64_t bend;

uint64_t nc_wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 +
                      atomic_load_explicit(&bend, memory_order_relaxed));
}

uint64_t nc_mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t nc_mono_ms(void) { return nc_mono_ns() / 1000000; }

void nc_wall_bend(int64_t offset_ms) { atomic_store(&bend, offset_ms); }

/* Days and dates by Howard Hinnant's "chrono-compatible low-level date
 * algorithms": years begin in March, so the leap day is the last one. */
static void civil(uint64_t days, unsigned *y, unsigned *m, unsigned *d)
{
    uint64_t z = days + 719468;
    uint64_t era = z / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = (unsigned)(yoe + era * 400) + (*m <= 2);
}

static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static void digits(char *p, unsigned v, int n)
{
    while (n--) {
        p[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

void nc_time_text(uint64_t wall_ms, char out[NC_TIME_TEXT])
{
    unsigned y, m, d;
    unsigned ms = (unsigned)(wall_ms % 86400000);
    civil(wall_ms / 86400000, &y, &m, &d);
    memcpy(out, "0000-00-00T00:00:00.000Z", NC_TIME_TEXT);
    digits(out, y, 4);
    digits(out + 5, m, 2);
    digits(out + 8, d, 2);
    digits(out + 11, ms / 3600000, 2);
    digits(out + 14, ms / 60000 % 60, 2);
    digits(out + 17, ms / 1000 % 60, 2);
    digits(out + 20, ms % 1000, 3);
}

/* n digits at s.p[at], or -1 */
static int number(struct nc_str s, size_t at, size_t n)
{
    int v = 0;
    if (at + n > s.n)
        return -1;
    for (size_t i = at; i < at + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        v = v * 10 + (s.p[i] - '0');
    }
    return v;
}

/* The offset at s.p[at], which must end the text, in minutes; false if none. */
static bool parse_offset(struct nc_str s, size_t at, int *minutes)
{
    *minutes = 0;
    if (at + 1 == s.n && (s.p[at] == 'Z' || s.p[at] == 'z'))
        return true;
    if (at + 6 != s.n || (s.p[at] != '+' && s.p[at] != '-') || s.p[at + 3] != ':')
        return false;
    int h = number(s, at + 1, 2), m = number(s, at + 4, 2);
    if (h < 0 || h > 23 || m < 0 || m > 59)
        return false;
    *minutes = (s.p[at] == '-' ? -1 : 1) * (h * 60 + m);
    return true;
}

static int month_days(int y, int m)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return days[m - 1] + (m == 2 && leap);
}

enum nc_err nc_time_parse(struct nc_str s, uint64_t *wall_ms)
{
    static const char shape[] = "0000-00-00T00:00:00";
    if (s.n < sizeof shape)
        return NC_EINVAL;
    for (size_t i = 0; i < sizeof shape - 1; i++)
        if (shape[i] != '0' && s.p[i] != shape[i] && !(i == 10 && s.p[i] == 't'))
            return NC_EINVAL;
    int y = number(s, 0, 4), mon = number(s, 5, 2), d = number(s, 8, 2);
    int h = number(s, 11, 2), min = number(s, 14, 2), sec = number(s, 17, 2);
    /* 60 is a leap second; Unix time gives it the number of the next one. */
    if (y < 0 || mon < 1 || mon > 12 || d < 1 || d > month_days(y, mon) || h < 0 ||
        h > 23 || min < 0 || min > 59 || sec < 0 || sec > 60)
        return NC_EINVAL;

    size_t at = sizeof shape - 1;
    int ms = 0;
    if (s.p[at] == '.') {
        int unit = 100;
        size_t first = ++at;
        for (; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++, unit /= 10)
            ms += (s.p[at] - '0') * unit;
        if (at == first)
            return NC_EINVAL;
    }
    int offset;
    if (!parse_offset(s, at, &offset))
        return NC_EINVAL;

    int64_t t = days_of(y, (unsigned)mon, (unsigned)d) * 86400 + h * 3600 + min * 60 + sec -
                (int64_t)offset * 60;
    if (t < 0)
        return NC_EINVAL;
    *wall_ms = (uint64_t)t * 1000 + (uint64_t)ms;
    return NC_OK;
}
