#include "config/client.h"

#include <string.h>

#include "config/check.h"

static const char *check_server(const char *v)
{
    const char *wrong = nc_check_url(v);

    return !wrong && strpbrk(v, "?#") ? "must not have a query" : wrong;
}

static const char *const language_words[] = {"auto", "en", "ru", NULL};
static const char *const format_words[] = {"lines", "markdown", "json", NULL};

#define AT(field) offsetof(struct nc_client_config, field)
#define ONCE .flags = NC_OPT_FLAG

/* clang-format off */
const struct nc_option nc_client_config_table[] = {
    {.key = "server", .kind = NC_OPT_LIST, .at = AT(servers), .def = "http://127.0.0.1:8080", .arg = "URL", .group = "Server", .check = check_server,
     .help = "The node to talk to. Given several times, up to eight: nodes that are shown as one conversation, of which any may be down."},
    {.key = "user", .kind = NC_OPT_TEXT, .at = AT(user), .def = "", .arg = "NAME",
     .help = "Whose login is used. When empty, the one that logged in there last."},
    {.key = "ca_file", .kind = NC_OPT_TEXT, .at = AT(ca_file), .def = "", .arg = "FILE", .check = nc_check_file,
     .help = "Certificates, PEM, that alone are trusted: for a node with a self-signed one. When empty, the system's."},
    {.key = "timeout", .kind = NC_OPT_DURATION, .at = AT(timeout), .def = "30s", .min = 100, .max = 3600000,
     .help = "How long a call may take. `send` tries again until then."},
    {.key = "config", .kind = NC_OPT_TEXT, .at = AT(config), .def = "", .arg = "FILE",
     .help = "Settings are read from here. When empty, from neuralchat/client.conf in the XDG configuration folder, if it is there."},
    {.key = "data", .kind = NC_OPT_TEXT, .at = AT(data), .def = "", .arg = "DIR", ONCE,
     .help = "The node's data folder: `admin` speaks to the node through the socket in it and needs no login. Unless it or --server is given, ./data."},

    {.key = "plain", .kind = NC_OPT_BOOL, .at = AT(plain), .def = "off", .group = "Looks",
     .help = "No colours and only plain characters for lines and marks. The variable NO_COLOR alone turns colours off."},
    {.key = "language", .kind = NC_OPT_CHOICE, .at = AT(language), .def = "auto", .choices = language_words,
     .help = "Of what the client says. `auto` goes by LC_ALL, LC_MESSAGES and LANG."},

    {.key = "password_file", .kind = NC_OPT_TEXT, .at = AT(password_file), .def = "", .arg = "FILE", .check = nc_check_file, .flags = NC_OPT_FLAG, .group = "Coming in",
     .help = "Read the password from this file's first line instead of asking: one for all servers."},
    {.key = "owner_code", .kind = NC_OPT_TEXT, .at = AT(owner_code), .def = "", .arg = "CODE", ONCE,
     .help = "register: the one-time code that makes the owner's account."},
    {.key = "invite", .kind = NC_OPT_TEXT, .at = AT(invite), .def = "", .arg = "CODE", ONCE,
     .help = "register: the code of an invitation."},
    {.key = "display_name", .kind = NC_OPT_TEXT, .at = AT(display_name), .def = "", .arg = "NAME", ONCE,
     .help = "register: the name others see."},

    {.key = "history", .kind = NC_OPT_UINT, .at = AT(history), .def = "0", .max = 1000000, .flags = NC_OPT_FLAG, .group = "Commands",
     .help = "tail: begin with that many earlier messages."},
    {.key = "json", .kind = NC_OPT_BOOL, .at = AT(json), .def = "off", ONCE,
     .help = "Answer in JSON: one object a line for tail and export, what the node said for others."},
    {.key = "text", .kind = NC_OPT_BOOL, .at = AT(text), .def = "off", ONCE,
     .help = "export: readable lines; what it does anyway."},
    {.key = "format", .kind = NC_OPT_CHOICE, .at = AT(format), .def = "lines", .choices = format_words, ONCE,
     .help = "export: lines; or, as the node writes a room down, Markdown or one JSON object with the room's settings and all answers."},
    {.key = "verbose", .kind = NC_OPT_BOOL, .at = AT(verbose), .def = "off", ONCE,
     .help = "Say more: send prints the message's id, tail when it loses and finds the node. -v is short for it."},
    {.key = "topic", .kind = NC_OPT_TEXT, .at = AT(topic), .def = "", .arg = "TEXT", ONCE,
     .help = "create: what the room is about."},
    {.key = "private", .kind = NC_OPT_BOOL, .at = AT(is_private), .def = "off", ONCE,
     .help = "create: only who is invited gets in."},
    {.key = "reply_to", .kind = NC_OPT_TEXT, .at = AT(reply_to), .def = "", .arg = "ID", ONCE,
     .help = "send: the message it answers."},
    {.key = "system", .kind = NC_OPT_TEXT, .at = AT(system), .def = "", .arg = "TEXT", ONCE,
     .help = "ask, dialog: what the model is told first."},
    {.key = "no_stream", .kind = NC_OPT_BOOL, .at = AT(no_stream), .def = "off", ONCE,
     .help = "ask, send, regenerate: print the answer when it is whole. With --json, the API's object."},
    {.key = "wait_answer", .kind = NC_OPT_BOOL, .at = AT(wait_answer), .def = "off", ONCE,
     .help = "send, regenerate: print the persona's answer as it comes, and succeed only if it came whole."},
    {.key = "model", .kind = NC_OPT_TEXT, .at = AT(model), .def = "", .arg = "MODEL", ONCE,
     .help = "dialog, regenerate: the model that answers, instead of the persona's."},
    {.key = "persona", .kind = NC_OPT_TEXT, .at = AT(persona), .def = "", .arg = "NAME", ONCE,
     .help = "dialog: with this persona; when empty, with the node's first one."},
    {.key = "all", .kind = NC_OPT_BOOL, .at = AT(all), .def = "off", ONCE,
     .help = "jobs: also those that have ended."},
    {.key = "limit", .kind = NC_OPT_UINT, .at = AT(limit), .def = "50", .min = 1, .max = 1000000, ONCE,
     .help = "admin audit, jobs: that many, the newest."},
    {.key = "key_file", .kind = NC_OPT_TEXT, .at = AT(key_file), .def = "", .arg = "FILE", ONCE,
     .help = "admin providers add, set: the API key is this file's first line, or stdin's for -."},
    {.key = "ask_key", .kind = NC_OPT_BOOL, .at = AT(ask_key), .def = "off", ONCE,
     .help = "admin providers add, set: ask for the API key on the terminal."},
    {.key = "no_key", .kind = NC_OPT_BOOL, .at = AT(no_key), .def = "off", ONCE,
     .help = "admin providers set: forget the API key."},
    {.key = "with_keys", .kind = NC_OPT_BOOL, .at = AT(with_keys), .def = "off", ONCE,
     .help = "admin backup: put the node's keys into it, under the passphrase."},
    {.key = "passphrase_file", .kind = NC_OPT_TEXT, .at = AT(passphrase_file), .def = "", .arg = "FILE", .check = nc_check_file, ONCE,
     .help = "admin backup: the passphrase is this file's first line."},
    {.key = "url", .kind = NC_OPT_LIST, .at = AT(url), .def = "", .arg = "URL", .check = nc_check_url, ONCE,
     .help = "admin mesh invite: where the other node reaches this one; up to four, tried in this order. When empty, its public_url."},
    {.key = "yes", .kind = NC_OPT_BOOL, .at = AT(yes), .def = "off", ONCE,
     .help = "admin mesh join: do not ask first."},
    {.key = "host", .kind = NC_OPT_LIST, .at = AT(host), .def = "", .arg = "NAME", ONCE,
     .help = "admin broker-config: the broker's name or address, as its clients write it; several for a certificate with several."},
    {.key = "listen", .kind = NC_OPT_TEXT, .at = AT(listen), .def = ":8883", .arg = "[ADDR]:PORT", ONCE,
     .help = "admin broker-config: where it takes MQTT over TLS; without an address, on every one."},
    {.key = "ws_listen", .kind = NC_OPT_TEXT, .at = AT(ws_listen), .def = "127.0.0.1:8884", .arg = "[ADDR]:PORT", ONCE,
     .help = "admin broker-config: where it takes MQTT over WebSocket, with TLS, too; `off`: nowhere."},
    {.key = "tls_cert", .kind = NC_OPT_TEXT, .at = AT(tls_cert), .def = "", .arg = "FILE", ONCE,
     .help = "admin broker-config: its certificate, PEM, as it lies on its machine. When empty, one is made."},
    {.key = "tls_key", .kind = NC_OPT_TEXT, .at = AT(tls_key), .def = "", .arg = "FILE", ONCE,
     .help = "admin broker-config: that certificate's key."},
    {.key = "place", .kind = NC_OPT_TEXT, .at = AT(place), .def = "", .arg = "DIR", ONCE,
     .help = "admin broker-config: the folder's absolute path on that machine. When empty, as here."},
    {.key = "plugin", .kind = NC_OPT_TEXT, .at = AT(plugin), .def = "", .arg = "FILE", ONCE,
     .help = "admin broker-config: nc_mosquitto.so as it lies on that machine. When empty, ours is copied."},

    {.key = "help", .kind = NC_OPT_BOOL, .at = AT(help), .def = "off", .flags = NC_OPT_FLAG, .group = "Actions", .help = "Print this and exit."},
    {.key = "version", .kind = NC_OPT_BOOL, .at = AT(version), .def = "off", ONCE, .help = "Print the version and exit."},
    {.key = "print_man", .kind = NC_OPT_BOOL, .at = AT(print_man), .def = "off", ONCE, .help = "Print commands and options as roff, for the manual page."},
    {.key = "print_markdown", .kind = NC_OPT_BOOL, .at = AT(print_markdown), .def = "off", ONCE, .help = "Print the options as tables of Markdown."},
};
/* clang-format on */
const size_t nc_client_config_rows = NC_COUNT(nc_client_config_table);
