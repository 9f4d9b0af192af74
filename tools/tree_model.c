/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event_out.h"
#include "json_text.h"

/* ---- keys ---- */

static struct model_key *find_key(const struct tree_model *m, int32_t serial)
{
	struct model_key *key;

	HASH_FIND_INT(m->all, &serial, key);
	return key;
}

static void set_unread(struct tree_model *m, struct model_key *key, bool unread)
{
	m->nr_unread += unread;
	m->nr_unread -= key->unread;
	key->unread = unread;
}

static void drop_key(struct tree_model *m, struct model_key *key)
{
	set_unread(m, key, false);
	HASH_DEL(m->all, key);
	json_decref(key->json);
	free(key->links);
	free(key);
}

/* The key SERIAL, perhaps a new one that is to be read. NULL: no memory. */
static struct model_key *get_key(struct tree_model *m, int32_t serial)
{
	struct model_key *key = find_key(m, serial);

	if (key)
		return key;
	key = calloc(1, sizeof(*key));
	if (!key)
		return NULL;
	key->serial = serial;
	key->json = json_pack("{s:i}", "serial", serial);
	HASH_ADD_INT(m->all, serial, key);
	if (key->hh.tbl && key->json) {
		set_unread(m, key, true);
		return key;
	}
	if (key->hh.tbl)
		HASH_DEL(m->all, key);
	json_decref(key->json);
	free(key);
	return NULL;
}

void tree_model_init(struct tree_model *m, const char *mount, uint64_t hold_ns)
{
	*m = (struct tree_model){.mount = mount, .hold_ns = hold_ns, .all_unread = true};
}

void tree_model_fini(struct tree_model *m)
{
	struct model_key *key, *next;

	HASH_ITER (hh, m->all, key, next)
		drop_key(m, key);
	tree_facts_free(m->facts);
	free(m->roots);
	free(m->rows);
}

bool tree_model_add_root(struct tree_model *m, int32_t serial)
{
	struct model_key *key = get_key(m, serial), **roots;

	roots = key ? reallocarray(m->roots, m->nr_roots + 1, sizeof(*roots)) : NULL;
	if (!roots)
		return false;
	m->roots = roots;
	m->roots[m->nr_roots++] = key;
	return true;
}

/* ---- events ---- */

static struct model_link *find_link(const struct model_key *ring, int32_t member)
{
	for (size_t i = 0; i < ring->nr_links; i++)
		if (ring->links[i].member->serial == member)
			return &ring->links[i];
	return NULL;
}

/* The link of MEMBER in RING, perhaps a new one. NULL: no memory. */
static struct model_link *get_link(struct tree_model *m, struct model_key *ring, int32_t member)
{
	struct model_link *link = find_link(ring, member), *links;
	struct model_key *key = link ? link->member : get_key(m, member);

	if (link || !key)
		return link;
	links = reallocarray(ring->links, ring->nr_links + 1, sizeof(*links));
	if (!links)
		return NULL;
	ring->links = links;
	link = &links[ring->nr_links++];
	*link = (struct model_link){.member = key};
	return link;
}

static void put_note(FILE *out, const struct event *event)
{
	const char *word = event->kind == EVENT_FOUND ? "found" : event_word(event);

	fputs(word ? word : "changed", out);
	event_put_who(out, event);
}

static struct model_note note_of(
	const struct tree_model *m, const struct event *event, uint64_t now_ns)
{
	struct model_note note = {.until_ns = now_ns + m->hold_ns, .tone = event_tone(event)};
	char *text = event_text(put_note, event);

	if (text)
		snprintf(note.text, sizeof(note.text), "%s", text);
	free(text);
	return note;
}

/* The event may know the name of a key that had ended before the kernel was asked for it. */
static void name(struct model_key *key, const struct key_name *name)
{
	if (!name || json_object_get(key->json, "type"))
		return;
	json_object_set_new(key->json, "type", json_text(name->type));
	json_object_set_new(key->json, "description", json_text(name->description));
}

static void on_linked(struct tree_model *m, struct model_key *ring, const struct event *event,
	const struct model_note *note)
{
	struct model_link *link = get_link(m, ring, event->aux);

	if (!link)
		return;
	link->gone = link->member->ended = false;
	link->note = *note;
	name(link->member, event->aux_name);
	set_unread(m, link->member, true);
}

static void on_unlinked(
	struct model_key *ring, const struct event *event, const struct model_note *note)
{
	struct model_link *link = find_link(ring, event->aux);

	if (!link)
		return;
	link->gone = true;
	link->note = *note;
	name(link->member, event->aux_name);
}

static void drop_members(struct model_key *ring, const struct model_note *note)
{
	for (size_t i = 0; i < ring->nr_links; i++)
		if (!ring->links[i].gone) {
			ring->links[i].gone = true;
			ring->links[i].note = *note;
		}
}

static void on_change(struct tree_model *m, struct model_key *key, const struct event *event,
	const struct model_note *note)
{
	switch (event->view.n.subtype) {
	case NOTIFY_KEY_LINKED:
		on_linked(m, key, event, note);
		return;
	case NOTIFY_KEY_UNLINKED:
		on_unlinked(key, event, note);
		return;
	case NOTIFY_KEY_CLEARED:
	case NOTIFY_KEY_REVOKED:
	case NOTIFY_KEY_INVALIDATED:
		drop_members(key, note);
		break;
	default:
		break;
	}
	key->note = *note;
}

static bool is_expiry(const struct event *event)
{
	return event->kind == EVENT_EXPIRING || event->kind == EVENT_EXPIRED;
}

void tree_model_event(struct tree_model *m, const struct event *event, uint64_t now_ns)
{
	struct model_key *key = event->key ? find_key(m, event->key) : NULL;
	struct model_note note = note_of(m, event, now_ns);

	if (event->view.kind == WQ_KIND_LOSS)
		m->all_unread = true;
	if (!key)
		return;
	name(key, event->key_name);
	set_unread(m, key, true);
	if (event->view.kind == WQ_KIND_REMOVAL)
		key->ended = true;
	if (event->view.kind == WQ_KIND_KEY && !is_expiry(event))
		on_change(m, key, event, &note);
	else
		key->note = note;
}

/* ---- reading ---- */

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
		struct model_key *member = get_key(m, serials[r.nr_now]);

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

	set_unread(m, key, false);
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
		set_unread(m, key, true);
	return m->facts;
}

bool tree_model_read(struct tree_model *m, uint64_t now_ns)
{
	struct model_key *key, *next;
	bool done = true;

	if (m->all_unread && !read_all_facts(m))
		return false;
	/* What is read has members that are new, and are behind those that were there. */
	while (m->nr_unread)
		HASH_ITER (hh, m->all, key, next)
			if (key->unread)
				done = read_key(m, key, now_ns) && done;
	return done;
}

/* ---- rows ---- */

static bool is_current(const struct model_note *note, uint64_t now_ns)
{
	return note->text[0] && note->until_ns > now_ns;
}

static const struct model_note *current_note(struct tree_model *m, const struct model_key *key,
	const struct model_link *link, uint64_t now_ns)
{
	const struct model_note *note = &key->note;

	/* That a link has gone says more than that its key has ended. */
	if (link && (link->gone || link->note.until_ns >= note->until_ns))
		note = &link->note;
	if (!is_current(note, now_ns))
		return NULL;
	if (!m->next_ns || note->until_ns < m->next_ns)
		m->next_ns = note->until_ns;
	return note;
}

static struct model_row *new_row(struct tree_model *m)
{
	if (m->nr_rows == m->max_rows) {
		size_t max = m->max_rows ? 2 * m->max_rows : 64;
		struct model_row *rows = reallocarray(m->rows, max, sizeof(*rows));

		if (!rows)
			return NULL;
		m->rows = rows;
		m->max_rows = max;
	}
	return &m->rows[m->nr_rows++];
}

static bool has_gone(const struct model_link *link)
{
	return link->gone || link->member->ended;
}

/* Drops the links that have gone and need not be shown any more. */
static void forget_gone(struct model_key *ring, uint64_t now_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < ring->nr_links; i++) {
		const struct model_link *link = &ring->links[i];

		if (!has_gone(link) || is_current(&link->note, now_ns) ||
			is_current(&link->member->note, now_ns))
			ring->links[kept++] = *link;
	}
	ring->nr_links = kept;
}

static void list_key(struct tree_model *m, struct model_key *key, const struct model_link *link,
	unsigned int depth, uint64_t now_ns)
{
	struct model_row *row = new_row(m);
	bool was_drawn = key->drawn_in == m->drawing;

	if (!row)
		return;
	*row = (struct model_row){
		.key = key,
		.note = current_note(m, key, link, now_ns),
		.depth = depth,
		.gone = link && has_gone(link),
		.repeated = was_drawn && key->nr_links,
	};
	if (row->gone || was_drawn)
		return;
	key->drawn_in = m->drawing;
	forget_gone(key, now_ns);
	for (size_t i = 0; i < key->nr_links; i++)
		list_key(m, key->links[i].member, &key->links[i], depth + 1, now_ns);
}

/* What is in a row stays, and what is linked in something that stays; and so do the roots, for
 * which there may be no memory for rows. */
static void keep(struct tree_model *m, struct model_key *key)
{
	if (key->now_in == m->reading)
		return;
	key->now_in = m->reading;
	for (size_t i = 0; i < key->nr_links; i++)
		keep(m, key->links[i].member);
}

static void forget_others(struct tree_model *m)
{
	struct model_key *key, *next;

	m->reading++;
	for (size_t i = 0; i < m->nr_roots; i++)
		keep(m, m->roots[i]);
	for (size_t i = 0; i < m->nr_rows; i++)
		keep(m, m->rows[i].key);
	HASH_ITER (hh, m->all, key, next)
		if (key->now_in != m->reading)
			drop_key(m, key);
}

void tree_model_list(struct tree_model *m, uint64_t now_ns)
{
	m->nr_rows = 0;
	m->next_ns = 0;
	m->drawing++;
	for (size_t i = 0; i < m->nr_roots; i++)
		list_key(m, m->roots[i], NULL, 0, now_ns);
	forget_others(m);
}
