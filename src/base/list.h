/*
 * base/list: intrusive doubly linked list.
 *
 * A node that is in no list has next == NULL; removing such a node is a no-op,
 * so every structure may unlink itself unconditionally when it dies.
 */
#pragma once

#include "base/base.h"

struct nc_list {
    struct nc_list *next, *prev;
};

static inline void nc_list_init(struct nc_list *head) { head->next = head->prev = head; }
static inline bool nc_list_empty(const struct nc_list *head) { return head->next == head; }
static inline bool nc_list_linked(const struct nc_list *node) { return node->next != NULL; }

static inline void nc_list_add(struct nc_list *head, struct nc_list *node) /* at the end */
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void nc_list_del(struct nc_list *node)
{
    if (!node->next)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

/* Unlinks and returns the first node, or NULL: the way to drain a list whose
 * nodes may unlink one another. */
static inline struct nc_list *nc_list_pop(struct nc_list *head)
{
    if (nc_list_empty(head))
        return NULL;
    struct nc_list *first = head->next;
    nc_list_del(first);
    return first;
}

/* The body may unlink the current node, but no other. */
#define nc_list_each(it, head)                                                   \
    for (struct nc_list *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)
