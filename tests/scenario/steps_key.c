/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps that change a key, or wait for one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../slowness.h"
#include "base/clock.h"
#include "base/unused.h"
#include "run.h"

#define PATIENCE_MS (15000 * test_patience())

static void sleep_ms(unsigned long ms)
{
	const struct timespec t = {
		.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

void sc_changed(struct sc_run *run, const struct wqfs_key_report *report)
{
	int fd = sc_any_queue(run->world);

	if (fd >= 0)
		sc_system_changed(run->world->sys, fd, report);
}

/* The serial that tells others what KEY meant to this process. */
static int32_t real_serial(int32_t key)
{
	int32_t serial = sc_key_resolve(key, false);

	return serial > 0 ? serial : 0;
}

/* A key is about to be changed: lets the system know, if it learns that by reports. */
static void changes(struct sc_run *run, struct wqfs_key_report *report)
{
	int fd = sc_any_queue(run->world);

	report->begin_ns = wq_now_ns();
	if (fd >= 0)
		sc_system_changes(run->world->sys, fd, report);
}

/* It was changed, with RESULT. */
static void changed(struct sc_run *run, struct wqfs_key_report *report, long result)
{
	report->end_ns = wq_now_ns();
	report->result = (__s32)result;
	sc_changed(run, report);
}

static void set_args(
	struct wqfs_key_report *report, const char *shape, const unsigned long arg[])
{
	for (int i = 0; shape[i]; i++)
		if (shape[i] == 'k')
			report->arg[i] = real_serial((int32_t)arg[i]);
		else if (shape[i] == 'n')
			report->arg[i] = (__s32)arg[i];
}

long sc_change(struct sc_run *run, int op, const char *shape, unsigned long a, unsigned long b,
	unsigned long c, unsigned long d)
{
	const unsigned long arg[] = {a, b, c, d};
	struct wqfs_key_report report = {.op = (__u32)op};
	long r;

	set_args(&report, shape, arg);
	changes(run, &report);
	r = sc_keyctl(op, a, b, c, d);
	set_args(&report, shape, arg); /* a special keyring may be there only now */
	changed(run, &report, r);
	return r;
}

static unsigned long key(struct sc_run *run, const char *name)
{
	return (unsigned long)sc_names_serial(run->world->names, name);
}

static unsigned long number(const char *s)
{
	return (unsigned long)strtol(s, NULL, 0);
}

/* Calls the key that a call returned NAME. */
static long named(struct sc_run *run, const char *name, long r)
{
	if (r < 0)
		return r;
	sc_names_set(run->world->names, name, (int32_t)r);
	return 0;
}

static long add_key(struct sc_run *run, const char *type, const char *desc, const char *payload,
	int32_t ring)
{
	struct wqfs_key_report report = {.op = WQFS_REPORT_ADD_KEY, .arg = {real_serial(ring)}};
	long r;

	changes(run, &report);
	r = sc_add_key(type, desc, payload, payload ? strlen(payload) : 0, ring);
	report.arg[0] = real_serial(ring);
	changed(run, &report, r);
	return r;
}

/* add NAME TYPE DESC PAYLOAD RING */
static long do_add(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return named(run, v[1], add_key(run, v[2], v[3], v[4], (int32_t)key(run, v[5])));
}

/* addmany N NAME RING: user keys NAME0, NAME1, ... */
static long do_addmany(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	int n = atoi(v[1]);
	char name[SC_KEY_NAME_MAX];
	long r;

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%d", v[2], i);
		r = named(run, name, add_key(run, "user", name, "x", (int32_t)key(run, v[3])));
		if (r < 0)
			return r;
	}
	return n;
}

/* newring NAME DESC RING */
static long do_newring(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return named(run, v[1], add_key(run, "keyring", v[2], NULL, (int32_t)key(run, v[3])));
}

/* request NAME TYPE DESC CALLOUT|- RING|- */
static long do_request(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	int32_t ring = strcmp(v[5], "-") ? (int32_t)key(run, v[5]) : 0;
	struct wqfs_key_report report = {.op = WQFS_REPORT_REQUEST_KEY,
		.arg = {real_serial(ring), strcmp(v[4], "-") != 0}};
	long r;

	changes(run, &report);
	r = sc_request_key(v[2], v[3], strcmp(v[4], "-") ? v[4] : NULL, ring);
	report.arg[0] = real_serial(ring);
	changed(run, &report, r);
	return named(run, v[1], r);
}

/* search NAME RING TYPE DESC TO|- */
static long do_search(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	unsigned long to = strcmp(v[5], "-") ? key(run, v[5]) : 0;

	return named(run, v[1],
		sc_change(run, KEYCTL_SEARCH, "kppk", key(run, v[2]), (unsigned long)v[3],
			(unsigned long)v[4], to));
}

/* join: a new session without a name, for the thread that runs the step */
static long do_join(struct sc_run *run, int c WQ_UNUSED, char **v WQ_UNUSED)
{
	long r = sc_change(run, KEYCTL_JOIN_SESSION_KEYRING, "p", 0, 0, 0, 0);

	return r < 0 ? r : 0;
}

/* key NAME KEY: another name for it; a special keyring is made if need be */
static long do_key(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return named(run, v[1], sc_key_resolve((int32_t)key(run, v[2]), true));
}

/* persistent NAME UID RING: KEYCTL_GET_PERSISTENT */
static long do_persistent(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return named(run, v[1],
		sc_change(
			run, KEYCTL_GET_PERSISTENT, "nk", number(v[2]), key(run, v[3]), 0, 0));
}

static long do_update(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_change(run, KEYCTL_UPDATE, "kpn", key(run, v[1]), (unsigned long)v[2],
		strlen(v[2]), 0);
}

static long do_link(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_change(run, KEYCTL_LINK, "kk", key(run, v[1]), key(run, v[2]), 0, 0);
}

static long do_unlink(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_change(run, KEYCTL_UNLINK, "kk", key(run, v[1]), key(run, v[2]), 0, 0);
}

/* move KEY FROM TO [excl] */
static long do_move(struct sc_run *run, int c, char **v)
{
	return sc_change(run, KEYCTL_MOVE, "kkkn", key(run, v[1]), key(run, v[2]),
		key(run, v[3]), c > 4 ? KEYCTL_MOVE_EXCL : 0);
}

static long do_clear(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_change(run, KEYCTL_CLEAR, "k", key(run, v[1]), 0, 0, 0);
}

static long do_revoke(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_change(run, KEYCTL_REVOKE, "k", key(run, v[1]), 0, 0, 0);
}

static long do_invalidate(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_change(run, KEYCTL_INVALIDATE, "k", key(run, v[1]), 0, 0, 0);
}

static long do_setperm(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_change(run, KEYCTL_SETPERM, "kn", key(run, v[1]), number(v[2]), 0, 0);
}

/* chown KEY UID GID; -1 leaves it */
static long do_chown(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_change(run, KEYCTL_CHOWN, "knn", key(run, v[1]), sc_user(run, v[2]),
		sc_user(run, v[3]), 0);
}

static long do_timeout(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	return sc_change(run, KEYCTL_SET_TIMEOUT, "kn", key(run, v[1]), number(v[2]), 0, 0);
}

/* restrict RING [TYPE [RESTRICTION]] */
static long do_restrict(struct sc_run *run, int c, char **v)
{
	return sc_change(run, KEYCTL_RESTRICT_KEYRING, "kpp", key(run, v[1]),
		c > 2 ? (unsigned long)v[2] : 0, c > 3 ? (unsigned long)v[3] : 0, 0);
}

/* How long to wait for what keys become. */
static int patience_ms(const struct sc_run *run)
{
	return run->world->patience_ms ? run->world->patience_ms : PATIENCE_MS;
}

/* gone KEY: waits until it has been collected */
static long do_gone(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	int32_t serial = (int32_t)key(run, v[1]);
	bool gone = sc_key_gone(serial);

	for (int ms = 0; !gone && ms < patience_ms(run); ms += 10) {
		sleep_ms(10);
		gone = sc_key_gone(serial);
	}
	sc_system_await_collector(run->world->sys);
	sc_changed(run, NULL);
	return gone;
}

/* sleep MS: for what only time brings, such as expiry */
static long do_sleep(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	sleep_ms(strtoul(v[1], NULL, 0));
	sc_changed(run, NULL);
	return 0;
}

/* find NAME TYPE DESC: waits until there is such a key, finished or not */
static long do_find(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	int32_t serial = sc_key_find(v[2], v[3]);

	for (int ms = 0; !serial && ms < patience_ms(run); ms += 10) {
		sleep_ms(10);
		serial = sc_key_find(v[2], v[3]);
	}
	return named(run, v[1], serial ? serial : -ENOKEY);
}

/* release PATH: lets the construction of a key go on, see upcall.c */
static long do_release(struct sc_run *run WQ_UNUSED, int c WQ_UNUSED, char **v)
{
	int fd = open(v[1], O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

const struct sc_step sc_key_steps[] = {
	{"add", 6, do_add},
	{"addmany", 4, do_addmany},
	{"newring", 4, do_newring},
	{"request", 6, do_request},
	{"search", 6, do_search},
	{"join", 1, do_join},
	{"key", 3, do_key},
	{"persistent", 4, do_persistent},
	{"update", 3, do_update},
	{"link", 3, do_link},
	{"unlink", 3, do_unlink},
	{"move", 4, do_move},
	{"clear", 2, do_clear},
	{"revoke", 2, do_revoke},
	{"invalidate", 2, do_invalidate},
	{"setperm", 3, do_setperm},
	{"chown", 4, do_chown},
	{"timeout", 3, do_timeout},
	{"restrict", 2, do_restrict},
	{"gone", 2, do_gone},
	{"sleep", 2, do_sleep},
	{"find", 4, do_find},
	{"release", 2, do_release},
	{0},
};
