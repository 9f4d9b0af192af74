/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watched keyrings, apart from all other keys and by name. An operation on a special
 * keyring concerns only the keyrings of one name; somebody who repeats it must not make us walk
 * over all keys each time.
 */
#include <assert.h>
#include <linux/keyctl.h>
#include <string.h>

#include "keys/key.h"
#include "keys/rings.h"

#define BIT(kind) (1u << (kind))
#define ALL	  (BIT(WQ_RING_KINDS) - 1)

/* Each special keyring has a name of its own, but a session keyring may have any name. */
static enum wq_ring_kind kind_of(const struct wq_key_state *s)
{
	static const char user[] = "_uid.", session[] = "_uid_ses.";
	const char *name = wq_key_description(s);

	if (!strcmp(name, "_tid"))
		return WQ_RING_THREAD;
	if (!strcmp(name, "_pid"))
		return WQ_RING_PROCESS;
	if (!strncmp(name, user, strlen(user)))
		return WQ_RING_USER;
	if (!strncmp(name, session, strlen(session)))
		return WQ_RING_USER_SESSION;
	return WQ_RING_OTHER;
}

/* The kinds of keyring that ID, a special one, may stand for. */
static unsigned int kinds_called(int32_t id)
{
	switch (id) {
	case KEY_SPEC_THREAD_KEYRING:
		return BIT(WQ_RING_THREAD);
	case KEY_SPEC_PROCESS_KEYRING:
		return BIT(WQ_RING_PROCESS);
	case KEY_SPEC_USER_KEYRING:
		return BIT(WQ_RING_USER);
	case KEY_SPEC_USER_SESSION_KEYRING:
		return BIT(WQ_RING_USER_SESSION);
	case KEY_SPEC_SESSION_KEYRING:
		return ALL & ~(BIT(WQ_RING_THREAD) | BIT(WQ_RING_PROCESS));
	default:
		return ALL;
	}
}

bool wq_ring_may_be_called(const struct wq_key *key, int32_t id)
{
	if (!key->is_ring)
		return false;
	return id > 0 ? key->serial == id : kinds_called(id) & BIT(key->ring_kind);
}

unsigned int wq_rings_called(
	const struct wq_rings *rings, int32_t id, int32_t *serials, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int kind = 0; kind < WQ_RING_KINDS; kind++) {
		const struct wq_key *key;

		if (!(kinds_called(id) & BIT(kind)))
			continue;
		TAILQ_FOREACH (key, &rings->of[kind], ring_node) {
			if (id > 0 && key->serial != id)
				continue;
			if (n == max)
				return n + 1;
			serials[n++] = key->serial;
		}
	}
	return n;
}

bool wq_rings_any(const struct wq_rings *rings, int32_t id)
{
	int32_t serial;

	return wq_rings_called(rings, id, &serial, 1) > 0;
}

int32_t wq_rings_user(
	const struct wq_rings *rings, enum wq_ring_kind kind, const char *name, uid_t uid)
{
	const struct wq_key *key;
	int32_t found = 0;

	TAILQ_FOREACH (key, &rings->of[kind], ring_node) {
		if (key->state.uid != uid || strcmp(wq_key_description(&key->state), name))
			continue;
		if (found)
			return -1;
		found = key->serial;
	}
	return found;
}

void wq_rings_init(struct wq_rings *rings)
{
	for (unsigned int kind = 0; kind < WQ_RING_KINDS; kind++)
		TAILQ_INIT(&rings->of[kind]);
}

void wq_rings_add(struct wq_rings *rings, struct wq_key *key)
{
	if (!wq_key_is_type(&key->state, "keyring"))
		return;
	assert(!key->ring_listed);
	key->is_ring = key->ring_listed = true;
	key->ring_kind = (uint8_t)kind_of(&key->state);
	TAILQ_INSERT_TAIL(&rings->of[key->ring_kind], key, ring_node);
}

void wq_rings_remove(struct wq_rings *rings, struct wq_key *key)
{
	if (!key->ring_listed)
		return;
	TAILQ_REMOVE(&rings->of[key->ring_kind], key, ring_node);
	key->ring_listed = false;
}
