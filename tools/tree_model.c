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

void tree_model_set_unread(struct tree_model *m, struct model_key *key, bool unread)
{
	m->nr_unread += unread;
	m->nr_unread -= key->unread;
	key->unread = unread;
}

static void drop_key(struct tree_model *m, struct model_key *key)
{
	tree_model_set_unread(m, key, false);
	HASH_DEL(m->all, key);
	json_decref(key->json);
	free(key->links);
	free(key);
}

struct model_key *tree_model_key(struct tree_model *m, int32_t serial)
{
	struct model_key *key = find_key(m, serial);

	if (key)
		return key;
	key = calloc(1, sizeof(*key));
	if (!key)
		return NULL;
	key->serial = serial;
	key->json = json_pack("{s:i}", "serial", serial);
	if (m->recorded)
		json_object_set_new(key->json, "expires_in", json_null());
	HASH_ADD_INT(m->all, serial, key);
	if (key->hh.tbl && key->json) {
		tree_model_set_unread(m, key, true);
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
	struct model_key *key = tree_model_key(m, serial), **roots;

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

struct model_link *tree_model_link(struct tree_model *m, struct model_key *ring, int32_t member)
{
	struct model_link *link = find_link(ring, member), *links;
	struct model_key *key = link ? link->member : tree_model_key(m, member);

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
	struct model_link *link = tree_model_link(m, ring, event->aux);

	if (!link)
		return;
	link->gone = link->member->ended = false;
	link->note = *note;
	name(link->member, event->aux_name);
	tree_model_set_unread(m, link->member, true);
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

/* What the kernel would answer whoever reads the key. */
static void set_error(struct model_key *key, int err)
{
	json_object_set_new(key->json, "error", json_string(strerror(err)));
}

/* Without a kernel that could be asked. */
static void on_recorded(struct model_key *key, const struct event *event)
{
	if (event->kind == EVENT_EXPIRED)
		set_error(key, EKEYEXPIRED);
	else if (event->view.kind == WQ_KIND_REMOVAL)
		set_error(key, ENOKEY);
	else if (event->kind == EVENT_RECORD && event->view.kind == WQ_KIND_KEY &&
		 event->view.n.subtype == NOTIFY_KEY_REVOKED)
		set_error(key, EKEYREVOKED);
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
	tree_model_set_unread(m, key, true);
	if (m->recorded)
		on_recorded(key, event);
	if (event->view.kind == WQ_KIND_REMOVAL)
		key->ended = true;
	if (event->view.kind == WQ_KIND_KEY && !is_expiry(event))
		on_change(m, key, event, &note);
	else
		key->note = note;
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

bool tree_model_has_gone(const struct model_link *link)
{
	return link->gone || link->member->ended;
}

/* Drops the links that have gone and need not be shown any more. */
static void forget_gone(struct model_key *ring, uint64_t now_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < ring->nr_links; i++) {
		const struct model_link *link = &ring->links[i];

		if (!tree_model_has_gone(link) || is_current(&link->note, now_ns) ||
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
		.gone = link && tree_model_has_gone(link),
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
