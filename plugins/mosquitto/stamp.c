#include "mosquitto/stamp.h"

#include <mqtt_protocol.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"

static const char client_id[] = "nc-client-id", sender_name[] = "nc-sender";

static bool is_uuid(const char *text)
{
    struct nc_id id;

    return nc_id_parse(nc_str(text), &id) == NC_OK;
}

/* Copies one user property; ours only if it is the first client id that is one. */
static int keep_pair(mosquitto_property **to, const mosquitto_property *p, bool *has_id)
{
    char *name = NULL, *value = NULL;
    int rc = MOSQ_ERR_SUCCESS;

    if (!mosquitto_property_read_string_pair(p, MQTT_PROP_USER_PROPERTY, &name, &value,
                                             false))
        return MOSQ_ERR_NOMEM;
    bool id = strcmp(name, client_id) == 0;
    if (strcmp(name, sender_name) != 0 && !(id && (*has_id || !is_uuid(value)))) {
        *has_id = *has_id || id;
        rc = mosquitto_property_add_string_pair(to, MQTT_PROP_USER_PROPERTY, name, value);
    }
    free(name);
    free(value);
    return rc;
}

static int keep_text(mosquitto_property **to, const mosquitto_property *p, int what)
{
    char *text = NULL;

    if (!mosquitto_property_read_string(p, what, &text, false))
        return MOSQ_ERR_NOMEM;
    int rc = mosquitto_property_add_string(to, what, text);
    free(text);
    return rc;
}

static int keep_bytes(mosquitto_property **to, const mosquitto_property *p, int what)
{
    void *bytes = NULL;
    uint16_t n = 0;

    if (!mosquitto_property_read_binary(p, what, &bytes, &n, false))
        return MOSQ_ERR_NOMEM;
    int rc = mosquitto_property_add_binary(to, what, bytes, n);
    free(bytes);
    return rc;
}

static int keep_byte(mosquitto_property **to, const mosquitto_property *p, int what)
{
    uint8_t byte = 0;

    return mosquitto_property_read_byte(p, what, &byte, false)
               ? mosquitto_property_add_byte(to, what, byte)
               : MOSQ_ERR_NOMEM;
}

/* What a PUBLISH can carry besides: Mosquitto keeps the rest (alias, expiry) elsewhere. */
static int keep(mosquitto_property **to, const mosquitto_property *p, bool *has_id)
{
    int what = mosquitto_property_identifier(p);

    switch (what) {
    case MQTT_PROP_USER_PROPERTY: return keep_pair(to, p, has_id);
    case MQTT_PROP_CONTENT_TYPE:
    case MQTT_PROP_RESPONSE_TOPIC: return keep_text(to, p, what);
    case MQTT_PROP_CORRELATION_DATA: return keep_bytes(to, p, what);
    case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR: return keep_byte(to, p, what);
    default: return MOSQ_ERR_SUCCESS;
    }
}

static int add(mosquitto_property **to, const char *name, const char *value)
{
    return mosquitto_property_add_string_pair(to, MQTT_PROP_USER_PROPERTY, name, value);
}

enum nc_err nc_stamp(mosquitto_property **props, const char *sender)
{
    mosquitto_property *fresh = NULL;
    char text[NC_ID_TEXT + 1] = {0};
    bool has_id = false;
    unsigned n = 0;
    int rc = MOSQ_ERR_SUCCESS;

    for (const mosquitto_property *p = *props; p; p = mosquitto_property_next(p))
        if (++n > NC_STAMP_MAX)
            return NC_ELIMIT;
    for (const mosquitto_property *p = *props; p && !rc; p = mosquitto_property_next(p))
        rc = keep(&fresh, p, &has_id);
    if (!rc && !has_id) {
        struct nc_id id = nc_id_random();
        nc_id_text(&id, text);
        rc = add(&fresh, client_id, text);
    }
    if (!rc)
        rc = add(&fresh, sender_name, sender);
    if (rc) {
        mosquitto_property_free_all(&fresh);
        return NC_EIO;
    }
    mosquitto_property_free_all(props);
    *props = fresh;
    return NC_OK;
}
