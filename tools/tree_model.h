/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys as wqctl tree --live shows them: what is known of each, and which are linked where. A
 * change is noted at the key or at the link for some time, and a link that has gone stays for
 * as long. Events say what has changed; then the keys concerned are read anew, and the kernel
 * has the last word. If they come from a recording, nothing is known but what it says.
 */
#ifndef WQ_TREE_MODEL_H
#define WQ_TREE_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "event.h"
#include "tree.h"

/* What has happened, in words. Empty: nothing that is to be shown. */
struct model_note {
	uint64_t until_ns; /* show it up to then (CLOCK_MONOTONIC) */
	enum event_tone tone;
	char text[80];
};

struct model_key;

struct model_link {
	struct model_key *member;
	bool gone;
	struct model_note note;
};

struct model_key {
	int32_t serial;
	json_t *json;	/* in the form of tree_key() */
	time_t expires; /* CLOCK_REALTIME, as far as that was known when it was read; 0: never
			 */
	struct model_link *links; /* of a keyring */
	size_t nr_links;
	struct model_note note;
	bool unread; /* is to be read anew */
	bool ended;
	size_t old_place;      /* while its keyring is read: 1 more than its place before */
	unsigned int now_in;   /* the last reading of a keyring that had it */
	unsigned int drawn_in; /* the last list of rows that has it */
	UT_hash_handle hh;
};

/* A line to be shown. */
struct model_row {
	struct model_key *key;
	const struct model_note *note; /* NULL: there is none */
	unsigned int depth;
	bool gone, repeated;
};

/* By value in its owner, who calls tree_model_init(). */
struct tree_model {
	const char *mount;
	uint64_t hold_ns; /* how long changes are shown */
	bool recorded;	  /* nothing is read; set before anything is added */
	struct model_key *all;
	struct model_key **roots;
	size_t nr_roots;
	struct tree_facts *facts;
	bool all_unread;
	size_t nr_unread;
	unsigned int reading, drawing; /* count them */
	struct model_row *rows;	       /* as of tree_model_list() */
	size_t nr_rows, max_rows;
	uint64_t next_ns; /* then a note ends: 0: there is none */
};

/* MOUNT is the wqfs whose queues are shown: see tree_facts_new(). */
void tree_model_init(struct tree_model *m, const char *mount, uint64_t hold_ns);
void tree_model_fini(struct tree_model *m);

/* Shows SERIAL and all below it, after those that were added before. False: no memory. */
bool tree_model_add_root(struct tree_model *m, int32_t serial);

/* The key SERIAL, and the link of MEMBER in RING: perhaps a new one, that is to be read. NULL:
 * no memory. */
struct model_key *tree_model_key(struct tree_model *m, int32_t serial);
struct model_link *tree_model_link(
	struct tree_model *m, struct model_key *ring, int32_t member);

/* KEY is to be read, or has been. */
void tree_model_set_unread(struct tree_model *m, struct model_key *key, bool unread);

/* True if it is not linked there any more, though it is still shown. */
bool tree_model_has_gone(const struct model_link *link);

/* EVENT has happened, at NOW_NS. */
void tree_model_event(struct tree_model *m, const struct event *event, uint64_t now_ns);

/* tree_reading.c: Reads what may have changed from the kernel. Returns false if there was no
 * memory: then it may show too little until something else happens. */
bool tree_model_read(struct tree_model *m, uint64_t now_ns);

/* Lists the rows as of NOW_NS, which are valid until the next call for M, and forgets what is
 * not in them. */
void tree_model_list(struct tree_model *m, uint64_t now_ns);

#endif
