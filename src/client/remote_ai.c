/* What is to be known about AI beyond what events tell. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client/model_parts.h"
#include "client/servers.h"

struct asked {
    struct nc_remote *r;
    struct nc_id room;
};

static void on_room(void *arg, const struct nc_answer *a)
{
    struct asked *q = arg;
    struct nc_remote *r = q->r;
    struct nc_id id = q->room;
    struct nc_model_room *room;

    free(q);
    if (a->err == NC_ECLOSED || !(room = nc_model_room(&r->set->model, &id)))
        return;
    room->ai_loading = false;
    if (nc_answer_ok(a)) {
        nc_model_room_ai_take(&room->ai, a->body);
        r->set->ops->changed(r->set->arg, NC_CHANGED_STATUS, &id);
    }
    if (room->ai_again) {
        room->ai_again = false;
        nc_remote_ask_ai(r, room);
    }
}

/* Several reasons to ask while an answer is on its way are one more question. */
void nc_remote_ask_ai(struct nc_remote *r, struct nc_model_room *room)
{
    char path[128], id[NC_ID_TEXT];
    struct asked *q;

    if (room->ai_loading) {
        room->ai_again = true;
        return;
    }
    q = nc_alloc(sizeof *q);
    *q = (struct asked){r, room->id};
    room->ai_loading = true;
    nc_id_text(&room->id, id);
    snprintf(path, sizeof path, "/api/v1/rooms/%.*s", NC_ID_TEXT, id);
    nc_api_call(&r->api, &(struct nc_api_ask){"GET", path, {0}, 0}, on_room, q);
}

static void on_jobs(void *arg, const struct nc_answer *a)
{
    struct nc_remote *r = arg;
    json_t *job;
    size_t i;

    if (a->err == NC_ECLOSED || !nc_answer_ok(a))
        return;
    json_array_foreach(json_object_get(a->body, "jobs"), i, job)
    {
        struct nc_model_room *room = NULL;
        struct nc_id id;
        if (nc_model_id(job, "room", &id))
            room = nc_model_room(&r->set->model, &id);
        if (room && nc_model_job_take(&room->ai, job, nc_mono_ms()))
            r->set->ops->changed(r->set->arg, NC_CHANGED_MESSAGES, &id);
    }
}

/* What waited when the connection was lost may be long over. */
void nc_remote_ask_jobs(struct nc_remote *r)
{
    const struct nc_model *m = &r->set->model;

    for (size_t i = 0; i < m->n; i++)
        if (m->rooms[i]->servers & 1u << r->from)
            nc_model_jobs_forget(&m->rooms[i]->ai);
    nc_api_call(&r->api, &(struct nc_api_ask){"GET", "/api/v1/jobs?state=queued", {0}, 0},
                on_jobs, r);
}
