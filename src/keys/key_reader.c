/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/unused.h"
#include "keys/key_reader.h"

/* The payload of a user key has at most 32767 bytes; that of a keyring grows with
 * its members. */
#define PAYLOAD_MAX  65536
#define DESCRIBE_MAX 4352 /* type 32, ids, and a description of up to 4095 bytes */

struct wq_key_reader {
	unsigned char secret[crypto_shorthash_siphashx24_KEYBYTES];
	unsigned char *payload; /* from sodium_malloc(); zero between calls */
	char text[DESCRIBE_MAX];
	int32_t *serials;   /* the members of a keyring, as read */
	size_t serials_cap; /* how many fit into serials */
	key_serial_t probe; /* an empty keyring of our own; 0: there is none */
	int probe_fd;	    /* keeps that keyring alive: see make_probe() */
	int dumpable;
	timer_t guard;
	bool has_guard;
	struct sigaction old_alarm; /* the action of SIGALRM before ours */
};

static void interrupted(int sig WQ_UNUSED)
{
}

/* The guard's signal must interrupt a system call, so it has a handler without SA_RESTART. */
static bool make_guard(struct wq_key_reader *reader)
{
	struct sigaction sa = {.sa_handler = interrupted};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};

	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGALRM, &sa, &reader->old_alarm) < 0)
		return false;
	if (timer_create(CLOCK_MONOTONIC, &ev, &reader->guard) == 0)
		return true;
	sigaction(SIGALRM, &reader->old_alarm, NULL);
	return false;
}

/* The handler is removed last: a signal may be on its way until the timer is deleted. */
static void free_guard(struct wq_key_reader *reader)
{
	timer_delete(reader->guard);
	sigaction(SIGALRM, &reader->old_alarm, NULL);
}

static void *probe_thread(void *arg)
{
	struct wq_key_reader *reader = arg;
	long ring = keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 1);

	if (ring > 0 && keyctl_setperm((key_serial_t)ring,
				KEY_POS_ALL | KEY_USR_VIEW | KEY_USR_WRITE) == 0)
		reader->probe_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (reader->probe_fd >= 0)
		reader->probe = (key_serial_t)ring;
	return NULL;
}

/* Every lookup of a key searches the thread keyring, if there is one, to find out about
 * possession, which would make each snapshot 7 % dearer. So our keyring is that of a thread
 * that has ended. It lives on in the credentials of a file which that thread opened. */
static void make_probe(struct wq_key_reader *reader)
{
	pthread_t t;

	reader->probe_fd = -1;
	if (pthread_create(&t, NULL, probe_thread, reader) == 0)
		pthread_join(t, NULL);
}

struct wq_key_reader *wq_key_reader_new(void)
{
	struct wq_key_reader *reader;

	if (sodium_init() < 0)
		return NULL;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return NULL;
	reader->payload = sodium_malloc(PAYLOAD_MAX);
	if (!reader->payload) {
		free(reader);
		return NULL;
	}
	sodium_memzero(reader->payload, PAYLOAD_MAX);
	crypto_shorthash_keygen(reader->secret);
	reader->dumpable = prctl(PR_GET_DUMPABLE);
	make_probe(reader);
	reader->has_guard = make_guard(reader);
	return reader;
}

void wq_key_reader_free(struct wq_key_reader *reader)
{
	if (!reader)
		return;
	if (reader->has_guard)
		free_guard(reader);
	sodium_memzero(reader->secret, sizeof(reader->secret));
	if (reader->probe_fd >= 0)
		close(reader->probe_fd);
	sodium_free(reader->payload);
	free(reader->serials);
	free(reader);
}

static void digest(const struct wq_key_reader *reader, const void *data, size_t len,
	uint8_t out[WQ_DIGEST_BYTES])
{
	_Static_assert(WQ_DIGEST_BYTES == crypto_shorthash_siphashx24_BYTES, "digest size");
	crypto_shorthash_siphashx24(out, data, len, reader->secret);
}

/* ---- life ---- */

/* Without a keyring of our own: does /proc/keys have a line for it? This is slow, and keys that
 * we may not View count as destroyed. */
static bool listed(int32_t serial)
{
	char want[16], line[512];
	bool found = false;
	FILE *f = fopen("/proc/keys", "re");

	snprintf(want, sizeof(want), "%08x ", (uint32_t)serial);
	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, want, 9);
	if (f)
		fclose(f);
	return found;
}

/* Unlinking looks a key up without requiring any right or state
 * (lookup_user_key(KEY_NEED_UNLINK)). Unlinking it from a keyring that does not hold it fails
 * with ENOENT and changes nothing; so ENOKEY means that the key is destroyed. */
bool wq_key_reader_exists(struct wq_key_reader *reader, int32_t serial)
{
	if (!reader->probe)
		return listed(serial);
	return keyctl_unlink(serial, reader->probe) == 0 || errno != ENOKEY;
}

static enum wq_key_life life_of(struct wq_key_reader *reader, int32_t serial, int err)
{
	switch (err) {
	case EKEYREVOKED:
		return WQ_KEY_REVOKED;
	case EKEYEXPIRED:
		return WQ_KEY_EXPIRED;
	case ENOKEY:
		return wq_key_reader_exists(reader, serial) ? WQ_KEY_INVALIDATED
							    : WQ_KEY_DESTROYED;
	default:
		return WQ_KEY_HIDDEN;
	}
}

enum wq_key_life wq_key_reader_life(struct wq_key_reader *reader, int32_t serial)
{
	return keyctl_describe(serial, NULL, 0) >= 0 ? WQ_KEY_ALIVE
						     : life_of(reader, serial, errno);
}

/* ---- as whom ---- */

static void become(const struct wq_view_cred *as)
{
	if (!as->other)
		return;
	setfsgid(as->gid);
	setfsuid(as->uid);
}

/* A change of the fsuid sets the process's dumpable flag to the machine's fs.suid_dumpable, so
 * this sets it back. */
static void be_ourselves(const struct wq_key_reader *reader, const struct wq_view_cred *as)
{
	if (!as->other)
		return;
	setfsuid(geteuid());
	setfsgid(getegid());
	prctl(PR_SET_DUMPABLE, reader->dumpable);
}

/* The two calls with the fsuid and fsgid of AS; they return what the calls
 * return, with errno. */
static long describe_as(
	struct wq_key_reader *reader, const struct wq_view_cred *as, int32_t serial)
{
	long n;
	int err;

	become(as);
	n = keyctl_describe(serial, reader->text, sizeof(reader->text));
	err = errno;
	be_ourselves(reader, as);
	errno = err;
	return n;
}

static long read_as(const struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, void *buf, size_t size)
{
	long n;
	int err;

	become(as);
	n = keyctl_read(serial, buf, size);
	err = errno;
	be_ourselves(reader, as);
	errno = err;
	return n;
}

/* ---- describe ---- */

/* The kernel refuses key 0, which does not exist, with EINVAL. */
int wq_key_reader_allowed(void)
{
	return keyctl_describe(0, NULL, 0) >= 0 || errno == EINVAL ? 0 : -errno;
}

int wq_key_reader_describe(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, struct wq_key_state *new)
{
	long n = describe_as(reader, as, serial);
	int r;

	if (n < 0) {
		new->life = life_of(reader, serial, errno);
		return 0;
	}
	new->life = WQ_KEY_ALIVE;
	if (n > (long)sizeof(reader->text))
		return -ENOMEM;
	r = wq_key_state_reserve_describe(new, (size_t)n);
	if (r < 0)
		return r;
	memcpy(new->describe, reader->text, (size_t)n);
	new->describe[n - 1] = '\0';
	if (!wq_key_state_parse(new))
		new->life = WQ_KEY_HIDDEN;
	return 0;
}

/* A digest of type and description; never 0. */
static uint64_t name_of(struct wq_key_reader *reader, const char *describe)
{
	struct wq_key_state s = {.describe = (char *)(uintptr_t)describe};
	const char *desc = wq_key_description(&s);
	uint8_t a[WQ_DIGEST_BYTES], b[WQ_DIGEST_BYTES];
	uint64_t x, y;

	digest(reader, describe, strcspn(describe, ";"), a);
	digest(reader, desc, strlen(desc), b);
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b + 8, sizeof(y));
	x ^= y;
	return x ? x : 1;
}

uint64_t wq_key_reader_name(
	struct wq_key_reader *reader, const struct wq_view_cred *as, int32_t serial)
{
	long n = describe_as(reader, as, serial);

	if (n <= 0 || n > (long)sizeof(reader->text))
		return 0;
	reader->text[n - 1] = '\0';
	return name_of(reader, reader->text);
}

/* ---- payload ---- */

/* Types whose read returns what is stored. Reading encrypted, trusted and big_key keys does
 * work or fetches a file; reading other types returns nothing that could be compared. */
static bool readable_type(const struct wq_key_state *s)
{
	static const char *const types[] = {
		"user", "dns_resolver", "id_resolver", "id_legacy", "cifs.idmap"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (wq_key_is_type(s, types[i]))
			return true;
	return false;
}

static int by_serial(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static long read_members(
	struct wq_key_reader *reader, const struct wq_view_cred *as, int32_t serial)
{
	for (;;) {
		size_t room = reader->serials_cap * sizeof(int32_t);
		long n = read_as(reader, as, serial, reader->serials, room);
		int32_t *p;

		if (n < 0)
			return -errno;
		if ((size_t)n <= room)
			return n / (long)sizeof(int32_t);
		/* more members have come: make room for them, and for some more */
		room = (size_t)n / sizeof(int32_t) + 32;
		p = reallocarray(reader->serials, room, sizeof(*p));
		if (!p)
			return -ENOMEM;
		reader->serials = p;
		reader->serials_cap = room;
	}
}

int wq_key_reader_holds(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t ring, int32_t serial)
{
	long n = read_members(reader, as, ring);

	if (n < 0)
		return (int)n;
	for (long i = 0; i < n; i++)
		if (reader->serials[i] == serial)
			return WQ_HOLDS_IT;
	return n ? WQ_HOLDS_OTHERS : WQ_HOLDS_NOTHING;
}

static int refresh_members(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, struct wq_key_state *new)
{
	long n = read_members(reader, as, serial);
	int r;

	if (n == -ENOMEM)
		return -ENOMEM;
	if (n < 0) {
		new->payload = WQ_PAYLOAD_UNREADABLE;
		return 0;
	}
	new->payload = WQ_PAYLOAD_MEMBERS;
	new->len = (size_t)n;
	digest(reader, reader->serials, (size_t)n * sizeof(int32_t), new->digest);
	r = wq_key_state_reserve(new, (size_t)n);
	if (r < 0)
		return r;
	if (n)
		qsort(reader->serials, (size_t)n, sizeof(int32_t), by_serial);
	for (long i = 0; i < n; i++)
		new->members[i] = (struct wq_key_member){reader->serials[i], 0};
	return 0;
}

/* The length of SERIAL's payload, and its digest; or -errno. */
static long read_digest(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, uint8_t out[WQ_DIGEST_BYTES])
{
	long len = read_as(reader, as, serial, reader->payload, PAYLOAD_MAX);
	size_t n = len < PAYLOAD_MAX ? (size_t)len : PAYLOAD_MAX;

	if (len < 0)
		return -errno;
	digest(reader, reader->payload, n, out);
	sodium_memzero(reader->payload, n);
	return len;
}

int wq_key_reader_payload(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, struct wq_key_state *new)
{
	long n;

	if (wq_key_is_type(new, "keyring"))
		return refresh_members(reader, as, serial, new);
	if (!readable_type(new)) {
		new->payload = WQ_PAYLOAD_UNREAD;
		return 0;
	}
	n = read_digest(reader, as, serial, new->digest);
	if (n < 0) {
		new->payload = WQ_PAYLOAD_UNREADABLE;
		return 0;
	}
	new->payload = WQ_PAYLOAD_DIGEST;
	new->len = (size_t)n;
	return 0;
}

bool wq_key_reader_same(struct wq_key_reader *reader, const struct wq_view_cred *as,
	int32_t serial, const struct wq_key_state *old)
{
	uint8_t now[WQ_DIGEST_BYTES];
	long n;

	if (old->life != WQ_KEY_ALIVE)
		return false;
	n = describe_as(reader, as, serial);
	if (n <= 0 || n > (long)sizeof(reader->text) ||
		strcmp(reader->text, old->describe) != 0)
		return false;
	switch (old->payload) {
	case WQ_PAYLOAD_UNREAD:
		return true;
	case WQ_PAYLOAD_UNREADABLE:
		return read_as(reader, as, serial, NULL, 0) < 0;
	case WQ_PAYLOAD_DIGEST:
		n = read_digest(reader, as, serial, now);
		break;
	case WQ_PAYLOAD_MEMBERS:
		n = read_members(reader, as, serial);
		if (n >= 0)
			digest(reader, reader->serials, (size_t)n * sizeof(int32_t), now);
		break;
	}
	return n >= 0 && (size_t)n == old->len && !memcmp(now, old->digest, sizeof(now));
}

/* A search in SERIAL, a key or keyring, first waits for its construction, returns a negative
 * key's own error, and then fails with EINVAL because there is no place to link to. It changes
 * nothing. A read would wait, too, but returns ENOKEY when it is interrupted. */
static int ask_constructed(int32_t serial)
{
	const key_serial_t nowhere = -1000;

	if (keyctl_search(serial, "user", "", nowhere) >= 0)
		return 0;
	switch (errno) {
	case EINTR:
		return -EINPROGRESS;
	case EINVAL:
	case EACCES: /* we have no Search right, which is checked last */
		return 0;
	default:
		return -errno;
	}
}

int wq_key_reader_constructed(struct wq_key_reader *reader, int32_t serial)
{
	static const struct itimerspec on = {{0, 500000}, {0, 500000}}, off;
	int r;

	/* The timer repeats, because the first signal may come before the call waits. */
	if (!reader->has_guard || timer_settime(reader->guard, 0, &on, NULL) < 0)
		return -ENOMEM;
	r = ask_constructed(serial);
	timer_settime(reader->guard, 0, &off, NULL);
	return r;
}
