/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the model of keys follows the kernel. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tree_model.h"

/* A keyring before it was read, and what the kernel says now. */
struct reading {
	struct model_link *old;
	size_t nr_old;
	struct model_key **now;
	size_t nr_now, taken;
	struct model_link *links; /* what comes of them */
	size_t nr_links;
};

/* Takes what the kernel has up to and with the place UP_TO, with what was noted at the links.
 */
static void take_now(struct reading *r, size_t up_to)
{
	for (; r->taken < r->nr_now && r->taken <= up_to; r->taken++) {
		struct model_key *member = r->now[r->taken];
		struct model_link *link = &r->links[r->nr_links++];

		*link = (struct model_link){.member = member};
		if (member->old_place)
			link->note = r->old[member->old_place - 1].note;
		member->ended = false;
	}
}

static void take_gone(
	struct tree_model *m, struct reading *r, struct model_link *old, uint64_t now_ns)
{
	if (!old->gone && old->note.until_ns <= now_ns)
		old->note = (struct model_note){now_ns + m->hold_ns, EVENT_END, "gone"};
	old->gone = true;
	r->links[r->nr_links++] = *old;
}

/* Puts the links into the kernel's order. A link that has gone stays behind the one that it
 * stood behind. */
static void merge(struct tree_model *m, struct reading *r, uint64_t now_ns)
{
	size_t place = 0;

	for (size_t i = 0; i < r->nr_old; i++)
		r->old[i].member->old_place = i + 1;
	for (size_t i = 0; i < r->nr_old; i++) {
		if (r->old[i].member->now_in == m->reading) {
			while (place < r->nr_now && r->now[place] != r->old[i].member)
				place++;
			if (place < r->nr_now)
				take_now(r, place);
		} else {
			take_gone(m, r, &r->old[i], now_ns);
		}
	}
	take_now(r, r->nr_now);
	for (size_t i = 0; i < r->nr_old; i++)
		r->old[i].member->old_place = 0;
}

static bool set_members(struct tree_model *m, struct model_key *ring, const int32_t *serials,
	size_t nr, uint64_t now_ns)
{
	struct reading r = {.old = ring->links, .nr_old = ring->nr_links};

	r.now = calloc(nr + 1, sizeof(*r.now));
	r.links = calloc(nr + r.nr_old + 1, sizeof(*r.links));
	m->reading++;
	while (r.now && r.links && r.nr_now < nr) {
		struct model_key *member = tree_model_key(m, serials[r.nr_now]);

		if (!member)
			break;
		member->now_in = m->reading;
		r.now[r.nr_now++] = member;
	}
	if (!r.now || !r.links || r.nr_now < nr) {
		free(r.now);
		free(r.links);
		return false;
	}
	merge(m, &r, now_ns);
	free(r.now);
	free(ring->links);
	ring->links = r.links;
	ring->nr_links = r.nr_links;
	return true;
}

/* A keyring that we may not read keeps what events tell. */
static bool read_members(struct tree_model *m, struct model_key *ring, uint64_t now_ns)
{
	int32_t *serials = NULL;
	long nr = tree_members(ring->serial, &serials);
	bool done = true;

	if (nr < 0)
		json_object_set_new(ring->json, "error", json_string(strerror((int)-nr)));
	if (nr >= 0 || nr != -EACCES)
		done = set_members(m, ring, serials, nr < 0 ? 0 : (size_t)nr, now_ns);
	free(serials);
	return done;
}

/* If the key has ended, what was known of it remains. */
static bool read_key(struct tree_model *m, struct model_key *key, uint64_t now_ns)
{
	json_t *json = tree_key(m->facts, key->serial);
	const json_t *left = json_object_get(json, "expires_in");

	tree_model_set_unread(m, key, false);
	if (!json)
		return false;
	key->expires = left ? time(NULL) + (time_t)json_integer_value(left) : 0;
	if (json_object_get(json, "type") || !json_object_get(key->json, "type")) {
		json_decref(key->json);
		key->json = json;
	} else {
		json_object_set(key->json, "error", json_object_get(json, "error"));
		json_decref(json);
	}
	json = json_object_get(key->json, "type");
	if (!json || strcmp(json_string_value(json), "keyring") != 0)
		return true;
	return read_members(m, key, now_ns);
}

static bool read_all_facts(struct tree_model *m)
{
	struct model_key *key, *next;

	tree_facts_free(m->facts);
	m->facts = tree_facts_new(m->mount);
	m->all_unread = !m->facts;
	HASH_ITER (hh, m->all, key, next)
		tree_model_set_unread(m, key, true);
	return m->facts;
}

bool tree_model_read(struct tree_model *m, uint64_t now_ns)
{
	struct model_key *key, *next;
	bool done = true;

	if (m->recorded)
		return true;
	if (m->all_unread && !read_all_facts(m))
		return false;
	/* What is read has members that are new, and are behind those that were there. */
	while (m->nr_unread)
		HASH_ITER (hh, m->all, key, next)
			if (key->unread)
				done = read_key(m, key, now_ns) && done;
	return done;
}
