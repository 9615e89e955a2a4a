#include "client/manual.h"

#include <string.h>

#include "client/client.h"
#include "config/manual.h"

void nc_client_help(const struct nc_options *o, FILE *out)
{
    struct nc_buf usage = {0};

    nc_buf_adds(
        &usage,
        NC_STR("neuralchat [options]            the chat, in this terminal (F1: help)\n"
               "neuralchat [options] COMMAND    one thing, for scripts\n\n"
               "Commands\n"));
    for (size_t i = 0; i < nc_client_commands_n; i++) {
        const struct nc_client_command *c = &nc_client_commands[i];
        nc_buf_printf(&usage, "  %s%s%s\n      %s\n", c->name, *c->args ? " " : "", c->args,
                      c->help);
    }
    nc_buf_adds(
        &usage,
        NC_STR(
            "\nROOM is an id, a name, or @username for the direct room.  An argument that\n"
            "begins with a dash follows \"--\".\n"
            "Exit status: 0 done, 1 refused or failed, 2 called wrongly."));
    nc_buf_addc(&usage, '\0');
    nc_manual_help(o, out, usage.p);
    nc_buf_fini(&usage);
}

static void put_roff(FILE *out, const char *text)
{
    for (; *text; text++)
        fputs(*text == '-' ? "\\-" : *text == '\\' ? "\\e" : (char[]){*text, 0}, out);
}

void nc_client_roff(const struct nc_options *o, FILE *out)
{
    fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; i < nc_client_commands_n; i++) {
        const struct nc_client_command *c = &nc_client_commands[i];
        fprintf(out, ".TP\n.B %s", c->name);
        if (*c->args) {
            fputs(" \\fI", out);
            put_roff(out, c->args);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        put_roff(out, c->help);
        fputs(".\n", out);
    }
    fputs(".SH OPTIONS\n", out);
    nc_manual_roff_flags(o, out);
}
