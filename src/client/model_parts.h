/*
 * client/model_parts: what the files of the model share.  Private to them.
 */
#pragma once

#include "client/model.h"

struct nc_str nc_model_str(const json_t *obj, const char *key); /* empty if it is none */
bool nc_model_id(const json_t *obj, const char *key, struct nc_id *out);
bool nc_model_is_me(const struct nc_model *m, const struct nc_id *id);
char *nc_model_clean(struct nc_str s); /* one line, NUL-terminated; caller frees */
/* online: 1, 0, or -1 for not known. */
void nc_model_person(struct nc_model_room *r, const char *username, int online);

/* Insert or refresh; NULL if it is no message, or if another server has told newer of it.
 * *fresh: it was not here before. */
struct nc_model_message *nc_model_put(struct nc_model *m, unsigned from,
                                      struct nc_model_room *r, const json_t *message,
                                      bool *fresh);
/* It is as if it had never been said. */
void nc_model_drop_message(struct nc_model_room *r, const struct nc_id *id);
/* One message.delta: true if something is to be drawn.  r: NULL if it is unknown. */
bool nc_model_delta(struct nc_model *m, struct nc_model_room *r, const json_t *event);
/* Forget the oldest until `keep` are left; they can be asked for again. */
void nc_model_forget_oldest(struct nc_model_room *r, size_t keep);
void nc_model_free_message(struct nc_model_message *x);
