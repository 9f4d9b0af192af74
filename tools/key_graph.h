/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys, and which of them are linked to which: what key_tree.c knows of the keyrings that it
 * watches. Only names ask the kernel for anything. */
#ifndef WQ_KEY_GRAPH_H
#define WQ_KEY_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "key_names.h"

struct tree_key;
struct tree_link;
TAILQ_HEAD(tree_links, tree_link);
TAILQ_HEAD(tree_keys, tree_key);

enum state {
	STATE_NAMED,   /* a member in a tree that is not recursive */
	STATE_ARRIVED, /* is on the list of those */
	STATE_WAITING, /* is under construction */
	STATE_REFUSED, /* cannot be watched */
	STATE_WATCHED,
};

struct tree_key {
	int32_t serial;
	unsigned int id;
	enum state state;
	bool root, mark;
	struct tree_links members, rings; /* links from it, and to it */
	UT_hash_handle hh;
	TAILQ_ENTRY(tree_key) node; /* in the list that STATE says */
	TAILQ_ENTRY(tree_key) work;
};

struct ends {
	int32_t ring, member;
};

enum report { REPORT_NONE, REPORT_HELD, REPORT_SYNCING, REPORT_FOUND };

struct tree_link {
	struct ends ends;
	struct tree_key *ring, *member;
	enum report report; /* the list that it is in */
	TAILQ_ENTRY(tree_link) of_ring, of_member, reported;
	UT_hash_handle hh;
};

/* By value in its owner, who calls key_graph_init(). */
struct key_graph {
	struct key_names *names;
	bool recursive; /* new keys are to be watched */
	struct tree_key *by_serial;
	struct tree_link *by_ends;
	struct tree_links held;	   /* were found, but may have a record in the queue */
	struct tree_links syncing; /* the same, and the sync under way began after that */
	struct tree_links found;   /* are to be reported */
	struct tree_keys waiting;  /* are under construction */
	struct tree_keys arrived;  /* are to be watched */
	bool dirty;		   /* a link has gone */
	bool marked;		   /* the marks are as the links are now */
	unsigned int watched, refused;
};

void key_graph_init(struct key_graph *g, struct key_names *names, bool recursive);

struct tree_key *key_graph_find_key(const struct key_graph *g, int32_t serial);
struct tree_link *key_graph_find_link(const struct key_graph *g, int32_t ring, int32_t member);

/* Adds SERIAL, which is not there. NULL: no memory. */
struct tree_key *key_graph_new_key(struct key_graph *g, int32_t serial, unsigned int id);

/* Links SERIAL, which is perhaps a new key, to RING. NULL: no memory. */
struct tree_link *key_graph_new_link(
	struct key_graph *g, struct tree_key *ring, int32_t serial);

void key_graph_set_state(struct key_graph *g, struct tree_key *key, enum state state);
void key_graph_set_report(struct key_graph *g, struct tree_link *link, enum report report);

void key_graph_drop_link(struct key_graph *g, struct tree_link *link);
void key_graph_drop_members(struct key_graph *g, struct tree_key *ring);

/* Drops KEY with its links and its name. */
void key_graph_drop_key(struct key_graph *g, struct tree_key *key);

/* Marks the roots and what is linked below them, and nothing else. */
void key_graph_mark_all(struct key_graph *g);

#endif
