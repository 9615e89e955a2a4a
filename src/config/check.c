#include "config/check.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *nc_check_url(const char *v)
{
    if (strncmp(v, "http://", 7) != 0 && strncmp(v, "https://", 8) != 0)
        return "must begin with http:// or https://";
    const char *host = strstr(v, "://") + 3;
    size_t authority = strcspn(host, "/?#");
    if (authority == 0)
        return "must name a host";
    if (memchr(host, '@', authority))
        return "must not contain credentials";
    return NULL;
}

const char *nc_check_file(const char *v)
{
    struct stat st;
    return stat(v, &st) == 0 && !S_ISDIR(st.st_mode) ? NULL
                                                     : "must name a file that is there";
}

const char *nc_check_folder(const char *v)
{
    struct stat st;
    if (stat(v, &st) != 0 || !S_ISDIR(st.st_mode))
        return "must name a folder that is there";
    return access(v, R_OK | X_OK) == 0 ? NULL : "must name a folder that may be read";
}
