#include "store/record.h"
#include "store/sqlite_conn.h"

#define AT(type, field) offsetof(struct type, field)

const struct nc_field nc_fields_account[] = {
    {"id", NC_F_KEY, AT(nc_account, id)},
    {"kind", NC_F_U32, AT(nc_account, kind)},
    {"role", NC_F_U32, AT(nc_account, role)},
    {"disabled", NC_F_BOOL, AT(nc_account, disabled)},
    {"deleted", NC_F_BOOL, AT(nc_account, deleted)},
    {"username", NC_F_TEXT, AT(nc_account, username)},
    {"display_name", NC_F_TEXT, AT(nc_account, display_name)},
    {"password", NC_F_TEXT, AT(nc_account, password)},
    {"created_ms", NC_F_U64, AT(nc_account, created_ms)},
    {0},
};

const struct nc_field nc_fields_session[] = {
    {"id", NC_F_KEY, AT(nc_session, id)},
    {"user", NC_F_KEY, AT(nc_session, user)},
    {"generation", NC_F_U64, AT(nc_session, generation)},
    {"spent", NC_F_U64, AT(nc_session, spent)},
    {"spent_ms", NC_F_U64, AT(nc_session, spent_ms)},
    {"device", NC_F_TEXT, AT(nc_session, device)},
    {"address", NC_F_TEXT, AT(nc_session, address)},
    {"created_ms", NC_F_U64, AT(nc_session, created_ms)},
    {"used_ms", NC_F_U64, AT(nc_session, used_ms)},
    {"expires_ms", NC_F_U64, AT(nc_session, expires_ms)},
    {"ended_ms", NC_F_U64, AT(nc_session, ended_ms)},
    {0},
};

const struct nc_field nc_fields_key[] = {
    {"id", NC_F_KEY, AT(nc_key, id)},
    {"user", NC_F_KEY, AT(nc_key, user)},
    {"hash", NC_F_HASH, AT(nc_key, hash)},
    {"name", NC_F_TEXT, AT(nc_key, name)},
    {"scopes", NC_F_TEXT, AT(nc_key, scopes)},
    {"created_ms", NC_F_U64, AT(nc_key, created_ms)},
    {"used_ms", NC_F_U64, AT(nc_key, used_ms)},
    {"expires_ms", NC_F_U64, AT(nc_key, expires_ms)},
    {"tokens_per_day", NC_F_U64, AT(nc_key, tokens_per_day)},
    {"requests_per_day", NC_F_U64, AT(nc_key, requests_per_day)},
    {0},
};

const struct nc_field nc_fields_invite[] = {
    {"id", NC_F_KEY, AT(nc_invite, id)},
    {"by", NC_F_KEY, AT(nc_invite, by)},
    {"room", NC_F_ID, AT(nc_invite, room)},
    {"hash", NC_F_HASH, AT(nc_invite, hash)},
    {"code", NC_F_TEXT, AT(nc_invite, code)},
    {"uses_left", NC_F_U32, AT(nc_invite, uses_left)},
    {"created_ms", NC_F_U64, AT(nc_invite, created_ms)},
    {"expires_ms", NC_F_U64, AT(nc_invite, expires_ms)},
    {0},
};

const struct nc_field nc_fields_room[] = {
    {"id", NC_F_KEY, AT(nc_room_rec, id)},
    {"created_by", NC_F_ID, AT(nc_room_rec, created_by)},
    {"kind", NC_F_U32, AT(nc_room_rec, kind)},
    {"visibility", NC_F_U32, AT(nc_room_rec, visibility)},
    {"name", NC_F_TEXT, AT(nc_room_rec, name)},
    {"topic", NC_F_TEXT, AT(nc_room_rec, topic)},
    {"created_ms", NC_F_U64, AT(nc_room_rec, created_ms)},
    {"deleted_ms", NC_F_U64, AT(nc_room_rec, deleted_ms)},
    {"retention_days", NC_F_U32, AT(nc_room_rec, retention_days)},
    {"settings", NC_F_TEXT, AT(nc_room_rec, settings)},
    {"encryption", NC_F_TEXT, AT(nc_room_rec, encryption)},
    {"home", NC_F_ID, AT(nc_room_rec, home)},
    {"epoch", NC_F_U64, AT(nc_room_rec, epoch)},
    {0},
};

const struct nc_field nc_fields_member[] = {
    {"room", NC_F_KEY, AT(nc_member_rec, room)},
    {"user", NC_F_KEY, AT(nc_member_rec, user)},
    {"role", NC_F_U32, AT(nc_member_rec, role)},
    {"joined_ms", NC_F_U64, AT(nc_member_rec, joined_ms)},
    {"joined_seq", NC_F_U64, AT(nc_member_rec, joined_seq)},
    {"read_id", NC_F_KEY, AT(nc_member_rec, read_id)},
    {"read_seq", NC_F_U64, AT(nc_member_rec, read_seq)},
    {"cleared_seq", NC_F_U64, AT(nc_member_rec, cleared_seq)},
    {0},
};

const struct nc_field nc_fields_ban[] = {
    {"room", NC_F_KEY, AT(nc_ban, room)},
    {"user", NC_F_KEY, AT(nc_ban, user)},
    {"by", NC_F_ID, AT(nc_ban, by)},
    {"created_ms", NC_F_U64, AT(nc_ban, created_ms)},
    {"until_ms", NC_F_U64, AT(nc_ban, until_ms)},
    {0},
};

const struct nc_field nc_fields_message[] = {
    {"room", NC_F_KEY, AT(nc_message, room)},
    {"id", NC_F_KEY, AT(nc_message, id)},
    {"seq", NC_F_U64, AT(nc_message, seq)},
    {"sender", NC_F_KEY, AT(nc_message, sender)},
    {"client_id", NC_F_ID, AT(nc_message, client_id)},
    {"reply_to", NC_F_ID, AT(nc_message, reply_to)},
    {"kind", NC_F_U32, AT(nc_message, kind)},
    {"state", NC_F_U32, AT(nc_message, state)},
    {"deleted", NC_F_BOOL, AT(nc_message, deleted)},
    {"late", NC_F_BOOL, AT(nc_message, late)},
    {"created_ms", NC_F_U64, AT(nc_message, created_ms)},
    {"edited_ms", NC_F_U64, AT(nc_message, edited_ms)},
    {"content_type", NC_F_TEXT, AT(nc_message, content_type)},
    {"mentions", NC_F_TEXT, AT(nc_message, mentions)},
    {"ai", NC_F_TEXT, AT(nc_message, ai)},
    {"body", NC_F_BLOB, AT(nc_message, body)},
    {"alternatives", NC_F_U32, AT(nc_message, alternatives)},
    {"chosen", NC_F_U32, AT(nc_message, chosen)},
    {"code", NC_F_TEXT, AT(nc_message, code)},
    {"sender_name", NC_F_TEXT, AT(nc_message, sender_name)},
    {"sender_display", NC_F_TEXT, AT(nc_message, sender_display)},
    {"sender_kind", NC_F_U32, AT(nc_message, sender_kind)},
    {0},
};

const struct nc_field nc_fields_alternative[] = {
    {"message", NC_F_KEY, AT(nc_alternative, message)},
    {"n", NC_F_U32, AT(nc_alternative, n)},
    {"state", NC_F_U32, AT(nc_alternative, state)},
    {"created_ms", NC_F_U64, AT(nc_alternative, created_ms)},
    {"ai", NC_F_TEXT, AT(nc_alternative, ai)},
    {"body", NC_F_BLOB, AT(nc_alternative, body)},
    {0},
};

const struct nc_field nc_fields_provider[] = {
    {"id", NC_F_KEY, AT(nc_provider_rec, id)},
    {"name", NC_F_TEXT, AT(nc_provider_rec, name)},
    {"settings", NC_F_TEXT, AT(nc_provider_rec, settings)},
    {"secret", NC_F_BLOB, AT(nc_provider_rec, secret)},
    {"created_ms", NC_F_U64, AT(nc_provider_rec, created_ms)},
    {0},
};

const struct nc_field nc_fields_persona[] = {
    {"user", NC_F_KEY, AT(nc_persona_rec, user)},
    {"settings", NC_F_TEXT, AT(nc_persona_rec, settings)},
    {"created_ms", NC_F_U64, AT(nc_persona_rec, created_ms)},
    {0},
};

const struct nc_field nc_fields_job[] = {
    {"id", NC_F_KEY, AT(nc_job_rec, id)},
    {"state", NC_F_U32, AT(nc_job_rec, state)},
    {"room", NC_F_KEY, AT(nc_job_rec, room)},
    {"question", NC_F_KEY, AT(nc_job_rec, question)},
    {"asker", NC_F_KEY, AT(nc_job_rec, asker)},
    {"persona", NC_F_KEY, AT(nc_job_rec, persona)},
    {"message", NC_F_ID, AT(nc_job_rec, message)},
    {"depth", NC_F_U32, AT(nc_job_rec, depth)},
    {"tries", NC_F_U32, AT(nc_job_rec, tries)},
    {"again", NC_F_BOOL, AT(nc_job_rec, again)},
    {"model", NC_F_TEXT, AT(nc_job_rec, model)},
    {"reason", NC_F_TEXT, AT(nc_job_rec, reason)},
    {"code", NC_F_TEXT, AT(nc_job_rec, code)},
    {"created_ms", NC_F_U64, AT(nc_job_rec, created_ms)},
    {"started_ms", NC_F_U64, AT(nc_job_rec, started_ms)},
    {"ended_ms", NC_F_U64, AT(nc_job_rec, ended_ms)},
    {0},
};

const struct nc_field nc_fields_usage[] = {
    {"day", NC_F_U32, AT(nc_usage, day)},
    {"user", NC_F_KEY, AT(nc_usage, user)},
    {"room", NC_F_KEY, AT(nc_usage, room)},
    {"persona", NC_F_KEY, AT(nc_usage, persona)},
    {"key", NC_F_KEY, AT(nc_usage, key)},
    {"provider", NC_F_TEXT, AT(nc_usage, provider)},
    {"model", NC_F_TEXT, AT(nc_usage, model)},
    {"requests", NC_F_U64, AT(nc_usage, requests)},
    {"prompt_tokens", NC_F_U64, AT(nc_usage, prompt_tokens)},
    {"completion_tokens", NC_F_U64, AT(nc_usage, completion_tokens)},
    {"estimated", NC_F_U64, AT(nc_usage, estimated)},
    {0},
};

const struct nc_field nc_fields_event[] = {
    {"seq", NC_F_U64, AT(nc_event, seq)},
    {"origin", NC_F_KEY, AT(nc_event, origin)},
    {"origin_seq", NC_F_U64, AT(nc_event, origin_seq)},
    {"hlc", NC_F_U64, AT(nc_event, hlc)},
    {"kind", NC_F_U32, AT(nc_event, kind)},
    {"audience", NC_F_U32, AT(nc_event, audience)},
    {"to", NC_F_ID, AT(nc_event, to)},
    {"ref", NC_F_ID, AT(nc_event, ref)},
    {"subject", NC_F_ID, AT(nc_event, subject)},
    {"actor", NC_F_ID, AT(nc_event, actor)},
    {"reason", NC_F_U32, AT(nc_event, reason)},
    {"body_hash", NC_F_HASH, AT(nc_event, body_hash)},
    {0},
};

const struct nc_field nc_fields_segment[] = {
    {"origin", NC_F_KEY, AT(nc_segment, origin)},
    {"first", NC_F_U64, AT(nc_segment, first)},
    {"n", NC_F_U32, AT(nc_segment, n)},
    {"hashes", NC_F_BLOB, AT(nc_segment, hashes)},
    {"chain", NC_F_BLOB, AT(nc_segment, chain)},
    {"signature", NC_F_BLOB, AT(nc_segment, signature)},
    {0},
};

const struct nc_field nc_fields_meta[] = {
    {"key", NC_F_TEXT, 0},
    {"value", NC_F_BLOB, sizeof(struct nc_str)},
    {0},
};
