#include <string.h>

#include "client/client.h"
#include "client/commands.h"

/* What `neuralchat --help` and the manual page list, in this order. */
const struct nc_client_command nc_client_commands[] = {
    {"register", "[NAME]", "make an account, and log in", 0, 1, NC_FOR_ANYBODY,
     nc_cmd_register},
    {"login", "[NAME]", "log in; the password is asked for", 0, 1,
     NC_FOR_ANYBODY | NC_AT_EACH, nc_cmd_login},
    {"logout", "", "end this login", 0, 0, NC_FOR_LOGGED_IN | NC_AT_EACH, nc_cmd_logout},
    {"whoami", "", "whose login is used", 0, 0, NC_FOR_LOGGED_IN | NC_AT_EACH,
     nc_cmd_whoami},
    {"reset", "CODE", "set a new password with the code that an admin gave", 1, 1,
     NC_FOR_ANYBODY, nc_cmd_reset},
    {"rooms", "[public]", "list one's rooms, or those that are open to all", 0, 1,
     NC_FOR_LOGGED_IN | NC_AT_ALL, nc_cmd_rooms},
    {"join", "ROOM", "become a member", 1, 1, NC_FOR_LOGGED_IN, nc_cmd_join},
    {"create", "NAME", "make a room", 1, 1, NC_FOR_LOGGED_IN, nc_cmd_create},
    {"invite", "[ROOM]", "a link with which one person can register", 0, 1,
     NC_FOR_LOGGED_IN, nc_cmd_invite},
    {"send", "ROOM TEXT",
     "say something; TEXT - reads it from stdin; --wait-answer prints what is answered", 2,
     2, NC_FOR_LOGGED_IN | NC_AT_ALL, nc_cmd_send},
    {"tail", "ROOM", "print what is said, as it is said", 1, 1,
     NC_FOR_LOGGED_IN | NC_AT_ALL, nc_cmd_tail},
    {"export", "ROOM", "print all that was said; --format markdown or json for more", 1, 1,
     NC_FOR_LOGGED_IN, nc_cmd_export},
    {"dialog", "[NAME]", "begin a private conversation with a persona; prints its id", 0, 1,
     NC_FOR_LOGGED_IN, nc_cmd_dialog},
    {"jobs", "", "questions that wait or are being answered", 0, 0,
     NC_FOR_LOGGED_IN | NC_AT_EACH, nc_cmd_jobs},
    {"stop", "MESSAGE|JOB", "stop an answer, or a question that waits", 1, 1,
     NC_FOR_LOGGED_IN, nc_cmd_stop},
    {"regenerate", "MESSAGE",
     "ask once more for that answer; the one before stays beside it", 1, 1,
     NC_FOR_LOGGED_IN, nc_cmd_regenerate},
    {"ask", "MODEL TEXT", "ask a model and print its answer; TEXT - reads stdin", 2, 2,
     NC_FOR_LOGGED_IN, nc_cmd_ask},
    {"usage", "[FROM [TO]]",
     "by day: requests, tokens read and written (~ guessed), model; FROM like 2026-01-31",
     0, 2, NC_FOR_LOGGED_IN, nc_cmd_usage},
    {"models", "", "what can be asked; * is the default", 0, 0, NC_FOR_LOGGED_IN,
     nc_cmd_models},
    {"admin users", "[list]", "list the accounts", 0, 1, NC_FOR_ADMIN, nc_cmd_users},
    {"admin users reset", "NAME", "a code with which they set a new password", 1, 1,
     NC_FOR_ADMIN, nc_cmd_user_reset},
    {"admin users disable", "NAME", "end their logins and let them in no more", 1, 1,
     NC_FOR_ADMIN, nc_cmd_user_disable},
    {"admin users enable", "NAME", "let them in again", 1, 1, NC_FOR_ADMIN,
     nc_cmd_user_enable},
    {"admin users role", "NAME ROLE", "make them owner, admin or member", 2, 2,
     NC_FOR_ADMIN, nc_cmd_user_role},
    {"admin rooms", "", "list all rooms", 0, 0, NC_FOR_ADMIN, nc_cmd_all_rooms},
    {"admin sessions", "[NAME]", "list logins", 0, 1, NC_FOR_ADMIN, nc_cmd_sessions},
    {"admin sessions end", "ID", "end one", 1, 1, NC_FOR_ADMIN, nc_cmd_session_end},
    {"admin audit", "", "who did what, when and from where", 0, 0, NC_FOR_ADMIN,
     nc_cmd_audit},
    {"admin usage", "[FROM [TO]]", "as usage, of everybody", 0, 2, NC_FOR_ADMIN,
     nc_cmd_all_usage},
    {"admin providers", "[list]", "list where models are asked", 0, 1, NC_FOR_ADMIN,
     nc_cmd_providers},
    {"admin providers add", "NAME URL [SETTING=VALUE...]",
     "ask models there, too; kind, model, models, proxy, at_once, per_model, timeout_s, "
     "default",
     2, 12, NC_FOR_ADMIN, nc_cmd_provider_add},
    {"admin providers set", "NAME [SETTING=VALUE...]", "change one", 1, 12, NC_FOR_ADMIN,
     nc_cmd_provider_set},
    {"admin providers remove", "NAME", "ask there no more", 1, 1, NC_FOR_ADMIN,
     nc_cmd_provider_remove},
    {"admin providers check", "NAME", "is it up, and what does it have", 1, 1, NC_FOR_ADMIN,
     nc_cmd_provider_check},
    {"admin providers discover", "", "look for servers on the node's machine", 0, 0,
     NC_FOR_ADMIN, nc_cmd_provider_discover},
    {"admin personas", "[list]", "list the AI people of the node", 0, 1, NC_FOR_ADMIN,
     nc_cmd_personas},
    {"admin personas add", "NAME [SETTING=VALUE...]",
     "make one; display_name, aliases, model, fallbacks, system_prompt, temperature, "
     "max_tokens, context_messages, context_tokens, who_may_ask",
     1, 12, NC_FOR_ADMIN, nc_cmd_persona_add},
    {"admin personas set", "NAME [SETTING=VALUE...]", "change one", 1, 12, NC_FOR_ADMIN,
     nc_cmd_persona_set},
    {"admin personas remove", "NAME", "delete one; what it said stays", 1, 1, NC_FOR_ADMIN,
     nc_cmd_persona_remove},
    {"admin backup", "[FILE]",
     "copy the data while the node runs, to a file on its machine", 0, 1, NC_FOR_ADMIN,
     nc_cmd_backup},
    {"admin broker-config", "DIR",
     "write what a Mosquitto on another machine needs; --host names it", 1, 1, NC_FOR_ADMIN,
     nc_cmd_broker_config},
    {"admin mesh", "[list]", "list the nodes that this one trusts", 0, 1, NC_FOR_ADMIN,
     nc_cmd_mesh},
    {"admin mesh invite", "",
     "a code with which one node can join; --url says where we are", 0, 0, NC_FOR_ADMIN,
     nc_cmd_mesh_invite},
    {"admin mesh join", "CODE", "join the node that gave the code; CODE - reads stdin", 1,
     1, NC_FOR_ADMIN, nc_cmd_mesh_join},
    {"admin mesh forget", "NODE", "trust that node no more", 1, 1, NC_FOR_ADMIN,
     nc_cmd_mesh_forget},
    {"admin mesh accept", "NODE", "take what is held of that node, whose clock is ahead", 1,
     1, NC_FOR_ADMIN, nc_cmd_mesh_accept},
    {"admin mesh state", "", "a sum over all that nodes keep in common, to compare", 0, 0,
     NC_FOR_ADMIN, nc_cmd_mesh_state},
    {"admin links", "", "what the node is connected to, and how well", 0, 0, NC_FOR_ADMIN,
     nc_cmd_links},
    {"admin health", "", "how the node is", 0, 0, NC_FOR_ADMIN, nc_cmd_health},
    {"admin settings", "", "what the node goes by", 0, 0, NC_FOR_ADMIN, nc_cmd_settings},
};
const size_t nc_client_commands_n = NC_COUNT(nc_client_commands);

/* How many of `args` spell `name`, word by word; 0 if they don't. */
static size_t spells(const char *name, const char **args, size_t n)
{
    struct nc_str rest = nc_str(name);
    size_t i = 0;

    while (rest.p) {
        struct nc_str word = nc_str_cut(&rest, ' ');
        if (i == n || !nc_str_eqz(word, args[i]))
            return 0;
        i++;
    }
    return i;
}

const struct nc_client_command *nc_client_command_find(const char **args, size_t n,
                                                       size_t *used)
{
    const struct nc_client_command *best = NULL;

    *used = 0;
    for (size_t i = 0; i < nc_client_commands_n; i++) {
        size_t words = spells(nc_client_commands[i].name, args, n);
        if (words > *used) {
            *used = words;
            best = &nc_client_commands[i];
        }
    }
    return best;
}
