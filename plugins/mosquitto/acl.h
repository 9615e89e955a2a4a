/*
 * mosquitto/acl: who may do what with which topic (protocol section 6).
 *
 * Pure.  A client is its user name, which the login has checked: that of an account, or a
 * node's id.  So also what is asked for a client that is away (its session, its will) is
 * decided by what holds now.
 */
#pragma once

#include "mosquitto/docs.h"

enum nc_acl_access { NC_ACL_READ, NC_ACL_WRITE, NC_ACL_SUBSCRIBE, NC_ACL_UNSUBSCRIBE };

struct nc_acl_ask {
    enum nc_acl_access access;
    struct nc_str who;   /* user name; empty: nobody */
    struct nc_str topic; /* or filter */
    bool retain;         /* of what is written */
};

bool nc_acl_allows(const struct nc_docs *docs, const struct nc_pins *pins,
                   struct nc_str root, const struct nc_acl_ask *ask);
