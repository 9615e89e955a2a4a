#include "config/node.h"

#include <string.h>

#include "base/utf8.h"
#include "config/check.h"

static const char *check_listen(const char *v)
{
    const char *colon = strrchr(v, ':');

    if (strncmp(v, "unix:", 5) == 0)
        return v[5] == '/' ? NULL : "must be unix:/absolute/path or ADDR:PORT";
    if (!colon || colon == v || !colon[1])
        return "must be ADDR:PORT";
    uint64_t port;
    if (nc_str_u64(nc_str(colon + 1), 65535, &port) != NC_OK)
        return "must end in a port from 0 to 65535";
    if (strchr(v, ':') != colon && v[0] != '[')
        return "must have an IPv6 address in brackets, [::1]:8080";
    return NULL;
}

static const char *check_node_name(const char *v)
{
    size_t n = strlen(v),
           good = strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                            "XYZ0123456789._-");

    return !n || (n < 64 && good == n && !strchr("._-", *v))
               ? NULL
               : "must be letters, digits and ._-, at most 63, not one of ._- first";
}

static const char *check_store(const char *v)
{
    return strchr(v, ':') ? NULL
                          : "must be SCHEME:PLACE, such as sqlite:/var/lib/neuralchat/db";
}

static const char *check_code(const char *v)
{
    return strlen(v) >= 8 && strlen(v) <= 128 ? NULL : "must be 8 to 128 characters";
}

static const char *check_look_at(const char *v)
{
    if (strcmp(v, "off") == 0)
        return NULL;
    const char *wrong = nc_check_url(v);
    if (!wrong && strpbrk(strstr(v, "://") + 3, "/?#"))
        return "must be an address without a path";
    return wrong;
}

static const char *check_tcp(const char *v)
{
    return strncmp(v, "unix:", 5) == 0 ? "must be ADDR:PORT" : check_listen(v);
}

/* Tokens must not cross a network in plain: for others there is broker-config. */
static const char *check_loopback(const char *v)
{
    const char *wrong = check_tcp(v);

    if (wrong)
        return wrong;
    return strncmp(v, "127.", 4) == 0 || strncmp(v, "[::1]:", 6) == 0 ||
                   strncmp(v, "localhost:", 10) == 0
               ? NULL
               : "must be a loopback address, such as 127.0.0.1:1884";
}

/* HOST or HOST:PORT, an IPv6 address in brackets, and nothing behind it. */
static const char *check_host(const char *v, bool needs_port)
{
    const char *end = v[0] == '[' ? strchr(v, ']') : v + strcspn(v, ":");
    uint64_t port = 1;

    if (strchr(v, '@'))
        return "must not contain credentials";
    if (strpbrk(v, "/?# \t"))
        return "must be an address without a path";
    if (!end || end == v || (v[0] == '[' && end++ == v + 1) || end - v > 255)
        return "must name a host";
    if (!*end)
        return needs_port ? "must end in a port" : NULL;
    if (*end != ':' || nc_str_u64(nc_str(end + 1), 65535, &port) != NC_OK || !port)
        return "must end in a port from 1 to 65535";
    return NULL;
}

static const char *check_broker(const char *v)
{
    if (strncmp(v, "mqtt://", 7) != 0 && strncmp(v, "mqtts://", 8) != 0)
        return "must begin with mqtt:// or mqtts://";
    return check_host(strstr(v, "://") + 3, false);
}

static const char *check_socks(const char *v)
{
    if (strncmp(v, "socks5h://", 10) != 0)
        return "must begin with socks5h://";
    return check_host(v + 10, true);
}

static const char *check_broker_user(const char *v)
{
    if (strlen(v) > 255)
        return "must be at most 255 bytes";
    return nc_utf8_valid(nc_str(v)) ? NULL : "must be UTF-8";
}

static const char *check_broker_root(const char *v)
{
    size_t n = strlen(v);

    if (n == 0 || n > 64)
        return "must be 1 to 64 characters";
    if (v[0] == '$' || v[0] == '/' || v[n - 1] == '/' || strstr(v, "//"))
        return "must be names with single slashes between them";
    for (size_t i = 0; i < n; i++)
        if (v[i] <= ' ' || v[i] > '~' || v[i] == '+' || v[i] == '#')
            return "must be plain characters without +, # and blanks";
    return NULL;
}

static const char *const tls_words[] = {"off", "self-signed", "files", NULL};
static const char *const registration_words[] = {"open", "invite", "closed", NULL};
static const char *const directory_words[] = {"shared", "open", NULL};
static const char *const cost_words[] = {"normal", "test", NULL};
static const char *const kind_words[] = {"openai", "ollama", "anthropic", NULL};
static const char *const destination_words[] = {"this_node", "own_node", "own_worker",
                                                "lan",       "cloud",    NULL};
static const char *const level_words[] = {"debug", "info", "warn", "error", NULL};

#define AT(field) offsetof(struct nc_config, field)

/* Rows of one type share all but key, bounds and words; those with START_ are
 * read once, when the node starts. */
#define NUMBER(kind_, key_, def_, min_, max_, help_, flags_)                   \
    {                                                                          \
        .key = #key_, .kind = kind_, .at = AT(key_), .def = def_, .min = min_, \
        .max = max_, .help = help_, .flags = flags_                            \
    }
#define UINT(key_, def_, min_, max_, help_) \
    NUMBER(NC_OPT_UINT, key_, def_, min_, max_, help_, NC_OPT_RELOAD)
#define SIZE(key_, def_, min_, max_, help_) \
    NUMBER(NC_OPT_SIZE, key_, def_, min_, max_, help_, NC_OPT_RELOAD)
#define TIME(key_, def_, min_, max_, help_) \
    NUMBER(NC_OPT_DURATION, key_, def_, min_, max_, help_, NC_OPT_RELOAD)
#define START_UINT(key_, def_, min_, max_, help_) \
    NUMBER(NC_OPT_UINT, key_, def_, min_, max_, help_, 0)
#define START_SIZE(key_, def_, min_, max_, help_) \
    NUMBER(NC_OPT_SIZE, key_, def_, min_, max_, help_, 0)
#define START_TIME(key_, def_, min_, max_, help_) \
    NUMBER(NC_OPT_DURATION, key_, def_, min_, max_, help_, 0)
#define ACTION(key_, help_)                                                             \
    {                                                                                   \
        .key = #key_, .kind = NC_OPT_BOOL, .at = AT(key_), .def = "off", .help = help_, \
        .flags = NC_OPT_FLAG                                                            \
    }

/* clang-format off */
const struct nc_option nc_config_table[] = {
    {.key = "data", .kind = NC_OPT_TEXT, .at = AT(data), .def = "./data", .arg = "DIR", .group = "Place",
     .help = "The folder that holds everything the node keeps. Made if it is not there; two nodes never share one."},
    {.key = "config", .kind = NC_OPT_TEXT, .at = AT(config), .def = "", .arg = "FILE", .flags = NC_OPT_FLAG,
     .help = "Read settings from FILE (`key = value` lines). The environment and the flags win over it."},
    {.key = "store", .kind = NC_OPT_TEXT, .at = AT(store), .def = "", .arg = "URL", .check = check_store,
     .help = "Where messages are kept: sqlite:PATH, or mem: for a node that forgets. When empty, neuralchat.db in the data folder."},
    {.key = "backup_dir", .kind = NC_OPT_TEXT, .at = AT(backup_dir), .def = "", .arg = "DIR",
     .help = "Where backups are put when no path is given, and the copy made before a migration. When empty, backup in the data folder."},

    {.key = "listen", .kind = NC_OPT_LIST, .at = AT(listen), .def = "127.0.0.1:8080", .arg = "ADDR:PORT", .group = "Network", .check = check_listen,
     .help = "Accept clients here; may be given several times. Port 0 takes a free one, which the log names. Sockets passed by systemd come in addition."},
    {.key = "public_url", .kind = NC_OPT_TEXT, .at = AT(public_url), .def = "", .arg = "URL", .check = nc_check_url, .flags = NC_OPT_RELOAD,
     .help = "The address people type, for invite and reset links. When empty, the first listener's."},
    {.key = "trusted_proxies", .kind = NC_OPT_LIST, .at = AT(trusted_proxies), .def = "", .arg = "CIDR", .flags = NC_OPT_RELOAD,
     .help = "Addresses of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."},
    {.key = "admin_from", .kind = NC_OPT_LIST, .at = AT(admin_from), .def = "", .arg = "CIDR", .flags = NC_OPT_RELOAD,
     .help = "Addresses besides loopback that get the full answers of /readyz and /metrics without a token."},
    {.key = "cors_origins", .kind = NC_OPT_LIST, .at = AT(cors_origins), .def = "", .arg = "ORIGIN", .flags = NC_OPT_RELOAD, .check = nc_check_url,
     .help = "Web origins besides our own that may call the API and open WebSockets."},
    {.key = "web_dir", .kind = NC_OPT_TEXT, .at = AT(web_dir), .def = "", .arg = "DIR", .flags = NC_OPT_RELOAD, .check = nc_check_folder,
     .help = "Serve the web client from DIR, such as web/dist, instead of the one in the program. Changes show at once."},
    {.key = "tls", .kind = NC_OPT_CHOICE, .at = AT(tls), .def = "off", .choices = tls_words,
     .help = "TLS on every TCP listener: off, with a self-signed certificate made in the data folder, or with tls_cert and tls_key."},
    {.key = "tls_cert", .kind = NC_OPT_TEXT, .at = AT(tls_cert), .def = "", .arg = "FILE", .check = nc_check_file,
     .help = "Certificate chain, PEM. Its content is read again on SIGHUP. Setting it turns TLS on."},
    {.key = "tls_key", .kind = NC_OPT_TEXT, .at = AT(tls_key), .def = "", .arg = "FILE", .check = nc_check_file,
     .help = "Private key of tls_cert, PEM. Its content is read again on SIGHUP."},
    {.key = "tls_names", .kind = NC_OPT_LIST, .at = AT(tls_names), .def = "localhost, 127.0.0.1", .arg = "NAME",
     .help = "Host names and addresses the self-signed certificate is for."},
    START_UINT(connections_max, "20000", 1, 1000000, "Connections at once; more are refused."),
    START_UINT(connections_per_address, "500", 1, 1000000, "Connections at once from one address. Loopback is exempt; raise it for a reverse proxy on another machine."),
    START_TIME(head_timeout, "10s", 100, 600000, "Time a client has to send a request head."),
    START_TIME(body_timeout, "30s", 100, 3600000, "Time a client may be silent while it sends a body."),
    START_TIME(idle_timeout, "75s", 100, 3600000, "How long an idle keep-alive connection is kept."),
    START_TIME(write_timeout, "30s", 100, 3600000, "How long a client may accept nothing while something is to be sent."),
    TIME(stop_timeout, "4s", 100, 60000, "How long a stop waits for answers in flight and clients to hear of it."),

    {.key = "registration", .kind = NC_OPT_CHOICE, .at = AT(registration), .def = "invite", .choices = registration_words, .flags = NC_OPT_RELOAD, .group = "People",
     .help = "Who may make an account: anybody, holders of an invitation, nobody."},
    {.key = "directory", .kind = NC_OPT_CHOICE, .at = AT(directory), .def = "shared", .choices = directory_words, .flags = NC_OPT_RELOAD,
     .help = "Whom people can look up: those they share a room with, or everyone."},
    {.key = "owner_code", .kind = NC_OPT_TEXT, .at = AT(owner_code), .def = "", .arg = "CODE", .check = check_code,
     .help = "The one-time code that makes the owner's account, instead of a random one. It is visible to other users of the machine while the node starts."},
    {.key = "password_cost", .kind = NC_OPT_CHOICE, .at = AT(password_cost), .def = "normal", .choices = cost_words,
     .help = "Argon2id with 19 MiB and two passes, or as little as possible for tests. `test` only on loopback."},
    {.key = "hash_threads", .kind = NC_OPT_UINT, .at = AT(hash_threads), .def = "1", .min = 1, .max = 16,
     .help = "Threads that check passwords. Each uses 19 MiB while it works."},
    {.key = "hash_queue", .kind = NC_OPT_UINT, .at = AT(hash_queue), .def = "64", .min = 1, .max = 10000,
     .help = "Password checks that may wait; more are answered 503 with Retry-After."},

    {.key = "rate_limits", .kind = NC_OPT_BOOL, .at = AT(rate_limits), .def = "on", .group = "Limits",
     .help = "Limits per time. `off` only on loopback; sizes stay limited."},
    SIZE(message_max, "64KiB", 64, 1u << 20, "Bytes of text in a message."),
    SIZE(answer_max, "512KiB", 1024, 16u << 20, "Bytes of a generated answer; it is stopped there."),
    SIZE(frame_max, "1MiB", 1024, 64u << 20, "Bytes of one message from a WebSocket client."),
    SIZE(body_max, "1MiB", 1024, 64u << 20, "Bytes of a request body, at most: 512 KiB are taken where a message is in it, 72 KiB elsewhere. Under /v1 it is 8 MiB, or this if it is more."),
    START_SIZE(head_max, "16KiB", 1024, 256u << 10, "Bytes of a request head."),
    UINT(room_name_max, "100", 1, 1000, "Characters of a room's name."),
    UINT(topic_max, "1000", 1, 10000, "Characters of a room's topic."),
    UINT(display_name_max, "100", 1, 1000, "Characters of a display name."),
    UINT(rooms_per_user, "1000", 1, 100000, "Rooms one account can be in."),
    UINT(members_per_room, "10000", 2, 1000000, "Members of one room."),
    UINT(sessions_per_user, "50", 1, 1000, "Sessions of one account; the oldest ends when one more begins."),
    UINT(keys_per_user, "50", 0, 1000, "API keys of one account."),
    UINT(invites_per_user, "100", 0, 10000, "Invitations one account may have open."),
    UINT(sends_per_10s, "20", 1, 1000000, "Messages one account may send in 10 seconds."),
    UINT(registrations_per_hour, "10", 1, 1000000, "Accounts made from one address in an hour."),
    UINT(rooms_per_day, "20", 1, 1000000, "Rooms one account may make in a day."),
    UINT(tickets_per_minute, "30", 1, 1000000, "Tickets one account may get in a minute."),
    UINT(history_per_second, "20", 1, 1000000, "Pages of history one account may read in a second."),
    UINT(lists_per_10s, "50", 1, 1000000, "Lists of rooms, members and people one account may ask for in 10 seconds."),
    UINT(changes_per_10s, "100", 1, 1000000, "Other changes one account may make in 10 seconds: joining, renaming, reading marks, keys."),
    UINT(live_per_user, "100", 1, 1000000, "WebSockets, event streams and long polls of one account at once."),
    SIZE(queue_max, "1MiB", 64u << 10, 1u << 30, "Bytes waiting for one live client; past that it is closed with 4408."),
    SIZE(queue_total_max, "64MiB", 1u << 20, 64ull << 30, "Bytes waiting for all live clients together."),
    UINT(replay_max, "10000", 1, 1000000, "Events a client may have missed and still resume; past that it gets resync."),
    SIZE(disk_free_min, "256MiB", 0, 0, "Free space of the disk below which sends are refused. The owner is told at twice that."),

    {.key = "ai_base_url", .kind = NC_OPT_TEXT, .at = AT(ai_base_url), .def = "", .arg = "URL", .check = nc_check_url, .group = "AI",
     .help = "A server of AI models, besides those the owner adds and those found on this machine. Of kind openai up to and including /v1: http://127.0.0.1:11434/v1 is a local Ollama."},
    {.key = "ai_kind", .kind = NC_OPT_CHOICE, .at = AT(ai_kind), .def = "openai", .choices = kind_words,
     .help = "What that server speaks: the API of OpenAI, as most do, Ollama's own, or Anthropic's. It is also the provider's name."},
    {.key = "ai_model", .kind = NC_OPT_TEXT, .at = AT(ai_model), .def = "", .arg = "NAME",
     .help = "Model to ask there. When empty, the first one the server lists."},
    {.key = "ai_key_file", .kind = NC_OPT_TEXT, .at = AT(ai_key_file), .def = "", .arg = "FILE", .check = nc_check_file,
     .help = "File that holds the server's API key. A key is never itself a setting."},
    {.key = "ai_proxy", .kind = NC_OPT_TEXT, .at = AT(ai_proxy), .def = "", .arg = "URL",
     .help = "Proxy on the way there, such as socks5h://127.0.0.1:9050. The environment's proxies are not used."},
    START_TIME(ai_connect_timeout, "10s", 100, 600000, "Time to connect to the AI server."),
    START_TIME(ai_first_byte_timeout, "120s", 100, 3600000, "Time until the first word of an answer: a cold model has to load. Pings are no words."),
    START_TIME(ai_idle_timeout, "60s", 100, 3600000, "How long an answer may stall between two words."),
    {.key = "ai_look_at", .kind = NC_OPT_LIST, .at = AT(ai_look_at), .arg = "URL", .check = check_look_at,
     .def = "http://127.0.0.1:11434, http://127.0.0.1:8080, http://127.0.0.1:1234, http://127.0.0.1:8000",
     .help = "Where AI servers are looked for at start and on demand: Ollama, llama-server, LM Studio, vLLM. Never NeuralChat nodes. `off`: nowhere."},
    {.key = "ai_destination", .kind = NC_OPT_CHOICE, .at = AT(ai_destination), .def = "cloud", .choices = destination_words,
     .help = "The furthest that the text of a new room may travel: to this machine, to other nodes and workers of ours, to the local network, to anywhere."},
    UINT(ai_at_once, "16", 1, 10000, "Answers that are generated at once on the node; each provider has a number of its own, too."),
    UINT(ai_waiting_max, "256", 0, 100000, "Questions that may wait for their turn."),
    UINT(ai_per_minute_room, "30", 0, 1000000, "Questions to personas in one room per minute; 0: no limit."),
    UINT(ai_per_minute_user, "10", 0, 1000000, "Questions one account may ask personas per minute; 0: no limit."),
    UINT(ai_user_tokens_per_day, "0", 0, 0, "Tokens one account may use in a day (UTC), read and generated; 0: no cap."),
    UINT(ai_user_requests_per_day, "0", 0, 0, "Requests to models one account may make in a day; 0: no cap."),
    UINT(ai_room_tokens_per_day, "0", 0, 0, "Tokens that may be used in one room in a day; 0: no cap."),
    UINT(ai_persona_tokens_per_day, "0", 0, 0, "Tokens one persona may use in a day; 0: no cap."),
    UINT(ai_node_tokens_per_day, "0", 0, 0, "Tokens the whole node may use in a day; 0: no cap."),

    {.key = "node_name", .kind = NC_OPT_TEXT, .at = AT(node_name), .def = "", .arg = "NAME", .check = check_node_name, .group = "Mesh",
     .help = "What other nodes call this one: letters, digits and ._- up to 63. When empty, the machine's name and the end of the node's id."},
    {.key = "mesh_ca", .kind = NC_OPT_TEXT, .at = AT(mesh_ca), .def = "", .arg = "FILE", .check = nc_check_file,
     .help = "Certificates, PEM, that alone vouch for other nodes at https:// addresses: those that nodes made themselves, or those of an authority. When empty, the system's."},
    {.key = "mesh_proxy", .kind = NC_OPT_TEXT, .at = AT(mesh_proxy), .def = "", .arg = "URL", .check = check_socks,
     .help = "SOCKS5 proxy on the way to other nodes, also to join one: socks5h://127.0.0.1:9050 for Tor; it resolves their names. Addresses of loopback and private networks are dialled without it."},

    {.key = "brokers", .kind = NC_OPT_LIST, .at = AT(brokers), .def = "", .arg = "URL", .check = check_broker, .group = "MQTT",
     .help = "MQTT brokers to hold a session with, all at once: mqtt://HOST[:1883], mqtts://HOST[:8883]. May be given several times."},
    {.key = "broker_user", .kind = NC_OPT_TEXT, .at = AT(broker_user), .def = "", .arg = "NAME", .check = check_broker_user,
     .help = "Log in there as NAME with the password of broker_password_file. When empty, as this node with a token it signs itself, which brokers with our plugin take."},
    {.key = "broker_password_file", .kind = NC_OPT_TEXT, .at = AT(broker_password_file), .def = "", .arg = "FILE", .check = nc_check_file,
     .help = "File that holds the password of broker_user; read anew for each login."},
    {.key = "broker_ca", .kind = NC_OPT_TEXT, .at = AT(broker_ca), .def = "", .arg = "FILE", .check = nc_check_file,
     .help = "Certificates, PEM, that vouch for mqtts:// brokers. When empty, the system's."},
    {.key = "broker_proxy", .kind = NC_OPT_TEXT, .at = AT(broker_proxy), .def = "", .arg = "URL", .check = check_socks,
     .help = "SOCKS5 proxy on the way to brokers, socks5h://127.0.0.1:9050 for Tor; it resolves their names. Not used for the node's own broker."},
    {.key = "broker_root", .kind = NC_OPT_TEXT, .at = AT(broker_root), .def = "nc/v1", .arg = "TOPIC", .check = check_broker_root,
     .help = "What all topics begin with; the same for every node and client of a mesh."},
    {.key = "own_broker", .kind = NC_OPT_BOOL, .at = AT(own_broker), .def = "off",
     .help = "Start a Mosquitto beside the node, with our plugin, and hold a session with it."},
    {.key = "own_broker_listen", .kind = NC_OPT_TEXT, .at = AT(own_broker_listen), .def = "127.0.0.1:1884", .arg = "ADDR:PORT", .check = check_loopback,
     .help = "Where that broker accepts clients; when the port is taken, the next free one is. Port 0 takes any free one. The log names it."},
    {.key = "mosquitto", .kind = NC_OPT_TEXT, .at = AT(mosquitto), .def = "/usr/sbin/mosquitto", .arg = "FILE",
     .help = "The Mosquitto program that own_broker starts."},
    {.key = "broker_plugin", .kind = NC_OPT_TEXT, .at = AT(broker_plugin), .def = "", .arg = "FILE",
     .help = "Our plugin for Mosquitto, nc_mosquitto.so. When empty, the one beside the program, or in ../lib/neuralchat from there."},

    {.key = "log_level", .kind = NC_OPT_CHOICE, .at = AT(log_level), .def = "info", .choices = level_words, .flags = NC_OPT_RELOAD, .group = "Operation",
     .help = "Log lines below this are dropped."},
    START_SIZE(audit_max, "16MiB", 64u << 10, 1u << 30, "Size at which the audit log is rotated."),
    START_UINT(audit_files, "8", 1, 1000, "Rotated audit logs that are kept."),
    {.key = "test_endpoints", .kind = NC_OPT_BOOL, .at = AT(test_endpoints), .def = "off",
     .help = "Serve /test/echo. Only on loopback."},

    {.key = "help", .kind = NC_OPT_BOOL, .at = AT(help), .def = "off", .flags = NC_OPT_FLAG, .group = "Actions", .help = "Print this and exit."},
    ACTION(version, "Print the version and exit."),
    ACTION(check_config, "Check the settings and exit: 0 when a start with them would be tried."),
    ACTION(print_config, "Print a configuration file with every setting, its default and what it means."),
    ACTION(print_man, "Print the options as roff, for the manual page."),
    ACTION(print_man_keys, "Print the keys of the configuration file as roff."),
    ACTION(print_markdown, "Print the options as the tables of docs/configuration.md."),
    {.key = "restore", .kind = NC_OPT_TEXT, .at = AT(restore), .def = "", .arg = "FILE", .flags = NC_OPT_FLAG, .check = nc_check_file,
     .help = "Make the data folder from a backup and exit. The folder must be empty or not there."},
    {.key = "passphrase_file", .kind = NC_OPT_TEXT, .at = AT(passphrase_file), .def = "", .arg = "FILE", .flags = NC_OPT_FLAG, .check = nc_check_file,
     .help = "File with the passphrase of the keys inside a backup, for --restore."},
};
/* clang-format on */
const size_t nc_config_rows = NC_COUNT(nc_config_table);

static bool loopback_only(const struct nc_config *c)
{
    for (size_t i = 0; i < c->listen.n; i++) {
        const char *v = c->listen.v[i];
        if (strncmp(v, "127.", 4) != 0 && strncmp(v, "[::1]:", 6) != 0 &&
            strncmp(v, "localhost:", 10) != 0 && strncmp(v, "unix:", 5) != 0)
            return false;
    }
    return true;
}

const char *nc_config_conflict(const struct nc_config *c)
{
    if (!*c->tls_cert != !*c->tls_key)
        return "tls_cert and tls_key go together";
    if (c->tls == NC_CFG_TLS_FILES && !*c->tls_cert)
        return "tls = files needs tls_cert and tls_key";
    if (c->tls == NC_CFG_TLS_SELF_SIGNED && *c->tls_cert)
        return "tls = self-signed makes its own certificate; tls_cert is in the way";
    if (!loopback_only(c)) {
        if (c->test_endpoints)
            return "test_endpoints is for loopback listeners only";
        if (!c->rate_limits)
            return "rate_limits = off is for loopback listeners only";
        if (c->password_cost == NC_CFG_PW_TEST)
            return "password_cost = test is for loopback listeners only";
    }
    if (!*c->broker_root)
        return "broker_root must not be empty";
    if (!*c->broker_user != !*c->broker_password_file)
        return "broker_user and broker_password_file go together";
    if (c->queue_max > c->queue_total_max)
        return "queue_max must not be above queue_total_max";
    return NULL;
}
