#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "client/client.h"
#include "crypto/hash.h"

enum { LINE_MAX_ = 4096, PASSWORD_LEAST = 8, PASSWORD_MOST = 1024 };

void nc_client_forget(char *secret)
{
    if (secret)
        nc_wipe(secret, strlen(secret));
    free(secret);
}

/* Up to the first newline.  Read byte by byte: what follows belongs to others. */
static char *read_line(int fd)
{
    char *line = nc_alloc(LINE_MAX_ + 1);
    size_t n = 0;
    ssize_t got = 0;

    while (n < LINE_MAX_) {
        got = read(fd, line + n, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || line[n] == '\n')
            break;
        n++;
    }
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (got <= 0 && n == 0) {
        free(line);
        return NULL;
    }
    line[n] = '\0';
    return line;
}

char *nc_client_first_line(const char *path)
{
    bool std = strcmp(path, "-") == 0;
    int fd = std ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char *line = fd >= 0 ? read_line(fd) : NULL;

    if (!line)
        nc_client_fail("%s: %s", path, fd < 0 ? strerror(errno) : nc_word(NC_W_EMPTY_TEXT));
    if (fd >= 0 && !std)
        close(fd);
    return line;
}

/* From the terminal itself, so that stdin may be something else.  -1: there is none. */
static char *ask(const char *label, bool echo)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios was, quiet;
    struct nc_buf b = {0};
    char *line = NULL;

    if (fd < 0 || tcgetattr(fd, &was) != 0)
        goto done;
    nc_buf_printf(&b, "%s: ", label);
    if (write(fd, b.p, b.n) < 0)
        goto done;
    quiet = was;
    if (!echo)
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    tcsetattr(fd, TCSAFLUSH, &quiet);
    line = read_line(fd);
    tcsetattr(fd, TCSAFLUSH, &was);
    if (!echo && write(fd, "\n", 1) < 0)
        goto done;
done:
    nc_buf_fini(&b);
    if (fd >= 0)
        close(fd);
    return line;
}

char *nc_client_prompt(const char *label) { return ask(label, true); }

char *nc_client_secret(const char *label)
{
    char *secret = ask(label, false);

    if (!secret)
        nc_client_fail("%s", nc_word(NC_W_NO_TTY_SECRET));
    return secret;
}

static char *ask_twice(const struct nc_client *c, bool twice)
{
    struct nc_buf label = {0};
    char *first, *second;

    nc_buf_adds(&label, nc_str(nc_word(NC_W_PASSWORD)));
    if (c->apis_n > 1)
        nc_buf_printf(&label, " (%s)", c->api->url);
    nc_buf_addc(&label, '\0');
    first = ask(label.p, false);
    nc_buf_fini(&label);

    if (!first) {
        nc_client_fail("%s", nc_word(NC_W_NO_TTY));
        return NULL;
    }
    if (!twice)
        return first;
    second = ask(nc_word(NC_W_PASSWORD_AGAIN), false);
    bool same = second && strcmp(first, second) == 0;
    nc_client_forget(second);
    if (same)
        return first;
    nc_client_fail("%s", nc_word(NC_W_PASSWORDS_DIFFER));
    nc_client_forget(first);
    return NULL;
}

char *nc_client_password(struct nc_client *c, bool twice)
{
    char *password = *c->cfg->password_file ? nc_client_first_line(c->cfg->password_file)
                                            : ask_twice(c, twice);

    if (password && twice &&
        (strlen(password) < PASSWORD_LEAST || strlen(password) > PASSWORD_MOST)) {
        nc_client_fail("%s", nc_word(NC_W_PASSWORD_RULE));
        nc_client_forget(password);
        password = NULL;
    }
    return password;
}
