/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <keyutils.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/clock.h"
#include "base/unused.h"
#include "record/names.h"
#include "sources/hook_proof.h"
#include "wqfs.h"

#define COLLECTED_NS (5 * WQ_NSEC_PER_SEC) /* the longest time to wait for the collector */
#define ALL_RIGHTS   0x3f3f0000
#define NAME	     "wqfs: a proof of hooks"

/* RING and KEY are watched, OTHER is not. */
enum which {
	NONE,
	RING,
	KEY,
	OTHER,
	KEYS,
};

#define DESTROYED 0xff /* besides the subtypes of <linux/watch_queue.h> */

struct seen {
	int32_t serial;
	uint8_t what;
	uint32_t aux;
};

struct proof {
	struct wq_hooks *hooks;
	int32_t serials[KEYS];
	struct seen event; /* the first one since the last step */
	size_t events;
	bool lost;
};

/* ---- what is reported ---- */

static void note(struct proof *p, int32_t serial, uint8_t what, uint32_t aux)
{
	if (serial != p->serials[RING] && serial != p->serials[KEY])
		return;
	if (p->events++ == 0)
		p->event = (struct seen){serial, what, aux};
}

static void on_change(void *arg, const struct wq_change *change)
{
	note(arg, change->serial, change->subtype, change->aux);
}

static void on_destroyed(void *arg, const struct wq_destroyed *destroyed)
{
	note(arg, destroyed->serial, DESTROYED, 0);
}

static void on_lost(void *arg, const struct wq_key_lost *lost WQ_UNUSED)
{
	((struct proof *)arg)->lost = true;
}

/* Reads until there is an event, or until UNTIL_NS. 0 or -errno. */
static int read_events(struct proof *p, uint64_t until_ns)
{
	const struct wq_hooks_reader reader = {p, on_change, on_destroyed, on_lost};
	struct pollfd fd = {.fd = wq_hooks_fd(p->hooks), .events = POLLIN};
	uint64_t complete_ns;

	for (;;) {
		uint64_t now = wq_now_ns();
		int r = wq_hooks_read(p->hooks, &reader, UINT64_MAX, &complete_ns);

		if (r < 0 || p->events || now >= until_ns)
			return r;
		poll(&fd, 1, (int)((until_ns - now) / WQ_NSEC_PER_MSEC) + 1);
	}
}

/* ---- what is done ---- */

static long make(const int32_t *s)
{
	return add_key("user", NAME, "1", 1, s[RING]);
}

static long add_again(const int32_t *s)
{
	return add_key("user", NAME, "2", 1, s[RING]);
}

static long update(const int32_t *s)
{
	return keyctl_update(s[KEY], "3", 1);
}

static long setperm(const int32_t *s)
{
	return keyctl_setperm(s[KEY], ALL_RIGHTS);
}

static long set_timeout(const int32_t *s)
{
	return keyctl_set_timeout(s[KEY], 3600);
}

static long chown_key(const int32_t *s)
{
	return keyctl_chown(s[KEY], geteuid(), (gid_t)-1);
}

static long chown_nobody(const int32_t *s)
{
	return keyctl_chown(s[KEY], (uid_t)-1, (gid_t)-1);
}

static long move_away(const int32_t *s)
{
	return keyctl_move(s[KEY], s[RING], s[OTHER], 0);
}

static long link_again(const int32_t *s)
{
	return keyctl_link(s[KEY], s[RING]);
}

static long unlink_key(const int32_t *s)
{
	return keyctl_unlink(s[KEY], s[RING]);
}

static long clear_ring(const int32_t *s)
{
	return keyctl_clear(s[RING]);
}

static long restrict_ring(const int32_t *s)
{
	return keyctl_restrict_keyring(s[RING], NULL, NULL);
}

static long revoke_key(const int32_t *s)
{
	return keyctl_revoke(s[KEY]);
}

static long revoke_again(const int32_t *s)
{
	keyctl_revoke(s[KEY]); /* fails, and reports nothing */
	return 0;
}

static long let_go(const int32_t *s)
{
	return keyctl_unlink(s[KEY], s[OTHER]);
}

static long invalidate_ring(const int32_t *s)
{
	return keyctl_invalidate(s[RING]);
}

struct step {
	const char *name;
	long (*call)(const int32_t *serials);
	enum which of; /* the key that it is reported for; NONE: no key */
	uint8_t what;
	enum which aux;
};

static const struct step steps[] = {
	{"add_key", make, RING, NOTIFY_KEY_LINKED, KEY},
	{"add_key of the same", add_again, KEY, NOTIFY_KEY_UPDATED, NONE},
	{"KEYCTL_UPDATE", update, KEY, NOTIFY_KEY_UPDATED, NONE},
	{"KEYCTL_SETPERM", setperm, KEY, NOTIFY_KEY_SETATTR, NONE},
	{"KEYCTL_SET_TIMEOUT", set_timeout, KEY, NOTIFY_KEY_SETATTR, NONE},
	{"KEYCTL_CHOWN", chown_key, KEY, NOTIFY_KEY_SETATTR, NONE},
	{"KEYCTL_CHOWN of nothing", chown_nobody, NONE, 0, NONE},
	{"KEYCTL_MOVE", move_away, RING, NOTIFY_KEY_UNLINKED, KEY},
	{"KEYCTL_LINK", link_again, RING, NOTIFY_KEY_LINKED, KEY},
	{"KEYCTL_UNLINK", unlink_key, RING, NOTIFY_KEY_UNLINKED, KEY},
	{"KEYCTL_CLEAR", clear_ring, RING, NOTIFY_KEY_CLEARED, NONE},
	{"KEYCTL_RESTRICT_KEYRING", restrict_ring, RING, NOTIFY_KEY_SETATTR, NONE},
	{"KEYCTL_REVOKE", revoke_key, KEY, NOTIFY_KEY_REVOKED, NONE},
	{"KEYCTL_REVOKE again", revoke_again, NONE, 0, NONE},
	{"the collection of a key", let_go, KEY, DESTROYED, NONE},
	{"KEYCTL_INVALIDATE", invalidate_ring, RING, NOTIFY_KEY_INVALIDATED, NONE},
};

/* What a step has made is watched from now on, too. */
static int note_key(struct proof *p, int32_t serial)
{
	p->serials[KEY] = serial;
	return wq_hooks_watch(p->hooks, serial);
}

static bool is_as_expected(const struct proof *p, const struct step *step)
{
	if (!step->of)
		return !p->events;
	return p->events == 1 && p->event.serial == p->serials[step->of] &&
	       p->event.what == step->what && (int32_t)p->event.aux == p->serials[step->aux];
}

static bool take(struct proof *p, const struct step *step, char *why, size_t why_size)
{
	uint64_t until_ns = 0;
	long r;

	p->events = 0;
	r = step->call(p->serials);
	if (r < 0)
		r = -errno;
	else if (step == steps)
		r = note_key(p, (int32_t)r);
	if (r < 0) {
		snprintf(why, why_size, "%s of a key of our own fails: %s", step->name,
			strerror((int)-r));
		return false;
	}
	if (step->what == DESTROYED)
		until_ns = wq_now_ns() + COLLECTED_NS;
	if (read_events(p, until_ns) == 0 && !p->lost && is_as_expected(p, step))
		return true;
	snprintf(why, why_size, "the %s programs do not report %s as they should",
		wq_hooks_name(p->hooks), step->name);
	return false;
}

bool wq_hooks_prove(struct wq_hooks *hooks, char *why, size_t why_size)
{
	struct proof p = {.hooks = hooks};
	int32_t *s = p.serials;
	bool ok = true;
	int r;

	s[RING] = add_key("keyring", NAME, NULL, 0, KEY_SPEC_THREAD_KEYRING);
	s[OTHER] = add_key("keyring", NAME ", another", NULL, 0, KEY_SPEC_THREAD_KEYRING);
	r = s[RING] < 0 || s[OTHER] < 0 ? -errno : wq_hooks_watch(hooks, s[RING]);
	if (r < 0) {
		snprintf(why, why_size, "a keyring of our own cannot be watched: %s",
			strerror(-r));
		ok = false;
	}
	for (size_t i = 0; ok && i < ARRAY_SIZE(steps); i++)
		ok = take(&p, &steps[i], why, why_size);
	wq_hooks_unwatch(hooks, s[RING]);
	wq_hooks_unwatch(hooks, s[KEY]);
	keyctl_unlink(s[OTHER], KEY_SPEC_THREAD_KEYRING);
	keyctl_unlink(s[RING], KEY_SPEC_THREAD_KEYRING);
	return ok;
}
