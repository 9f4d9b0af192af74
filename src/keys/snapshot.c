/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "keys/model.h"
#include "keys/snapshot.h"

#define NAMES_AT_ONCE 128 /* members described at one time, to recognize a displacement */

/* Gives NEW's members their names: known ones from KEY, others from the kernel. */
static void name_members(const struct wq_key *key, struct wq_key_state *new)
{
	const struct wq_key_state *old = &key->state;
	size_t j = 0;
	unsigned int budget = NAMES_AT_ONCE;
	size_t known = old->payload == WQ_PAYLOAD_MEMBERS ? old->len : 0;

	for (size_t i = 0; i < new->len; i++) {
		struct wq_key_member *m = &new->members[i];

		while (j < known && old->members[j].serial < m->serial)
			j++;
		if (j < known && old->members[j].serial == m->serial)
			m->name = old->members[j].name;
		if (!m->name && budget) {
			m->name = wq_key_reader_name(key->model->reader, &key->view, m->serial);
			budget--;
		}
	}
}

/* Continues with the members that have not had their turn. */
void wq_snapshot_names(struct wq_key *key)
{
	size_t end = key->unnamed_from + NAMES_AT_ONCE;

	if (key->state.payload != WQ_PAYLOAD_MEMBERS)
		return;
	for (; key->unnamed_from < key->state.len && key->unnamed_from < end;
		key->unnamed_from++) {
		struct wq_key_member *m = &key->state.members[key->unnamed_from];

		if (!m->name)
			m->name = wq_key_reader_name(key->model->reader, &key->view, m->serial);
	}
}

/* Takes a snapshot of KEY into m->scratch. 0 or -ENOMEM. */
int wq_snapshot(struct wq_key *key)
{
	struct wq_model *m = key->model;
	struct wq_key_state *new = &m->scratch;
	int r = wq_key_reader_describe(m->reader, &key->view, key->serial, new);

	if (r < 0 || new->life != WQ_KEY_ALIVE)
		return r;
	r = wq_key_reader_payload(m->reader, &key->view, key->serial, new);
	if (r == 0 && new->payload == WQ_PAYLOAD_MEMBERS) {
		name_members(key, new);
		key->unnamed_from = 0;
	}
	return r;
}

/* If a source reports each change only the attributes matter. 0 or -ENOMEM. */
int wq_snapshot_attrs(struct wq_key *key)
{
	struct wq_key_state *new = &key->model->scratch;

	new->payload = WQ_PAYLOAD_UNREAD;
	new->len = 0;
	return wq_key_reader_describe(key->model->reader, &key->view, key->serial, new);
}
