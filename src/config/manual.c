#include "config/manual.h"

#include <ctype.h>
#include <string.h>

static const char *arg_of(const struct nc_option *opt)
{
    if (opt->arg)
        return opt->arg;
    switch (opt->kind) {
    case NC_OPT_TEXT:
    case NC_OPT_LIST: return "TEXT";
    case NC_OPT_UINT: return "N";
    case NC_OPT_SIZE: return "SIZE";
    case NC_OPT_DURATION: return "TIME";
    case NC_OPT_BOOL: return "on|off";
    case NC_OPT_CHOICE: return "WORD";
    }
    return "";
}

/* "--rate-limits on|off", "--registration open|invite|closed" */
static void put_flag(FILE *out, const struct nc_option *opt, const char * or)
{
    fputs("--", out);
    for (const char *p = opt->key; *p; p++)
        fputc(*p == '_' ? '-' : *p, out);
    if (opt->kind == NC_OPT_BOOL && (opt->flags & NC_OPT_FLAG))
        return;
    fputc(' ', out);
    if (opt->kind == NC_OPT_CHOICE)
        for (int i = 0; opt->choices[i]; i++)
            fprintf(out, "%s%s", i ? or : "", opt->choices[i]);
    else
        fputs(opt->kind == NC_OPT_BOOL ? "on" : arg_of(opt), out);
    if (opt->kind == NC_OPT_BOOL)
        fprintf(out, "%soff", or);
}

static void put_env(FILE *out, const struct nc_options *o, const struct nc_option *opt)
{
    fputs(o->env_prefix, out);
    for (const char *p = opt->key; *p; p++)
        fputc(toupper((unsigned char)*p), out);
}

/* Words wrapped at `width`, every line after the first indented. */
static void put_wrapped(FILE *out, const char *text, int indent, int width,
                        const char *lead)
{
    int col = 0;

    while (*text) {
        int word = (int)strcspn(text, " ");
        if (col == 0 || col + 1 + word > width) {
            fprintf(out, "%s%*s%s", col ? "\n" : "", indent, "", lead);
            col = 0;
        } else {
            fputc(' ', out);
            col++;
        }
        fwrite(text, 1, (size_t)word, out);
        col += word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static bool has_default(const struct nc_option *opt)
{
    return *opt->def && !(opt->flags & NC_OPT_FLAG);
}

void nc_manual_help(const struct nc_options *o, FILE *out, const char *usage)
{
    fprintf(out, "%s\n", usage);
    for (size_t i = 0; i < o->n; i++) {
        const struct nc_option *opt = &o->table[i];
        if (opt->group)
            fprintf(out, "\n%s\n", opt->group);
        fputs("  ", out);
        put_flag(out, opt, "|");
        if (has_default(opt))
            fprintf(out, "  [%s]", opt->def);
        fputc('\n', out);
        put_wrapped(out, opt->help, 6, 72, "");
    }
    fprintf(
        out,
        "\nEvery option is also a key of the configuration file (dashes as underscores)\n"
        "and an environment variable (%s…).\n",
        o->env_prefix);
}

void nc_manual_sample(const struct nc_options *o, FILE *out)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct nc_option *opt = &o->table[i];
        if (opt->flags & NC_OPT_FLAG)
            continue;
        if (opt->group)
            fprintf(out, "%s## %s\n", i ? "\n" : "", opt->group);
        fputc('\n', out);
        put_wrapped(out, opt->help, 0, 86, "# ");
        fprintf(out, "#%s = %s\n", opt->key, opt->def);
    }
}

/* roff: a leading dot or quote and every backslash and hyphen want care */
static void put_roff(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\\')
            fputs("\\e", out);
        else if (*p == '-')
            fputs("\\-", out);
        else
            fputc(*p, out);
    }
}

void nc_manual_roff_flags(const struct nc_options *o, FILE *out)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct nc_option *opt = &o->table[i];
        if (opt->group)
            fprintf(out, ".SS %s\n", opt->group);
        fputs(".TP\n.B \\-\\-", out);
        for (const char *p = opt->key; *p; p++)
            fputs(*p == '_' ? "\\-" : (char[]){*p, 0}, out);
        if (!(opt->kind == NC_OPT_BOOL && (opt->flags & NC_OPT_FLAG)))
            fprintf(out, " \\fI%s\\fR", arg_of(opt));
        fputc('\n', out);
        put_roff(out, opt->help);
        if (has_default(opt)) {
            fputs(" Default: ", out);
            put_roff(out, opt->def);
            fputc('.', out);
        }
        fputc('\n', out);
    }
}

void nc_manual_roff_keys(const struct nc_options *o, FILE *out)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct nc_option *opt = &o->table[i];
        if (opt->flags & NC_OPT_FLAG)
            continue;
        if (opt->group)
            fprintf(out, ".SS %s\n", opt->group);
        fprintf(out, ".TP\n.B %s\n", opt->key);
        put_roff(out, opt->help);
        if (has_default(opt)) {
            fputs(" Default: ", out);
            put_roff(out, opt->def);
            fputc('.', out);
        }
        fputs(opt->flags & NC_OPT_RELOAD ? " Follows SIGHUP.\n" : "\n", out);
    }
}

void nc_manual_markdown(const struct nc_options *o, FILE *out)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct nc_option *opt = &o->table[i];
        if (opt->group)
            fprintf(out,
                    "\n### %s\n\n| flag | environment | default | SIGHUP | what |\n"
                    "| --- | --- | --- | --- | --- |\n",
                    opt->group);
        fputs("| `", out);
        put_flag(out, opt, "\\|"); /* a bar would end the cell */
        fputs("` | ", out);
        if (!(opt->flags & NC_OPT_FLAG)) {
            fputc('`', out);
            put_env(out, o, opt);
            fputc('`', out);
        }
        fputs(" | ", out);
        if (has_default(opt))
            fprintf(out, "`%s`", opt->def);
        fprintf(out, " | %s | %s |\n", opt->flags & NC_OPT_RELOAD ? "yes" : "", opt->help);
    }
}
