/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array_size.h"
#include "base/budget.h"
#include "base/clock.h"
#include "keys/proc_keys.h"

const struct wq_expiry wq_expiry_never = {1, 0};

static bool never(struct wq_expiry e)
{
	return e.from > e.to;
}

bool wq_expiry_differ(struct wq_expiry a, struct wq_expiry b)
{
	if (never(a) || never(b))
		return never(a) != never(b);
	return a.to < b.from || b.to < a.from;
}

struct wq_expiry wq_expiry_both(struct wq_expiry a, struct wq_expiry b)
{
	if (never(a))
		return a;
	return (struct wq_expiry){
		a.from > b.from ? a.from : b.from,
		a.to < b.to ? a.to : b.to,
	};
}

/* The kernel's proc_keys_show() prints "perm", "expd", or the time left in whole units. */
static bool parse_expiry(const char *word, time_t now, struct wq_proc_key *out)
{
	static const struct {
		char suffix;
		time_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	char *end;
	long n;

	out->expired = !strcmp(word, "expd");
	out->expiry = wq_expiry_never;
	if (out->expired || !strcmp(word, "perm"))
		return true;
	n = strtol(word, &end, 10);
	if (end == word || n < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (*end != units[i].suffix)
			continue;
		/* one second to either side, because its clock and ours may tick in between */
		out->expiry.from = now + n * units[i].seconds - 1;
		out->expiry.to = now + (n + 1) * units[i].seconds;
		return true;
	}
	return false;
}

/* "13af45eb I--Q---     1 perm 1f0b0000     0     0 keyring   _uid.0: empty" */
bool wq_proc_keys_parse(const char *line, time_t now, struct wq_proc_key *out)
{
	const char *p = line;
	const char *field[8];
	size_t len[8];
	char word[16], *end;
	unsigned long serial;

	for (int i = 0; i < 8; i++) {
		p += strspn(p, " ");
		field[i] = p;
		len[i] = strcspn(p, " ");
		p += len[i];
		if (!len[i])
			return false;
	}
	serial = strtoul(field[0], &end, 16);
	if (len[0] != 8 || end != field[0] + 8 || len[1] != 7 || len[4] != 8 ||
		len[3] >= sizeof(word))
		return false;
	memcpy(word, field[3], len[3]);
	word[len[3]] = '\0';
	out->serial = (int32_t)serial;
	out->known = parse_expiry(word, now, out);
	out->type = field[7];
	out->type_len = len[7];
	/* the type is padded to nine columns, and one space follows */
	p = field[7] + (len[7] < 9 ? 9 : len[7]);
	out->tail = strlen(field[7]) > (size_t)(p - field[7]) ? p + 1 : "";
	return true;
}

bool wq_proc_keys_agrees(const struct wq_proc_key *line)
{
	if (keyctl_describe(line->serial, NULL, 0) >= 0)
		return !line->expired;
	return line->expired && (errno == EKEYEXPIRED || errno == EKEYREVOKED);
}

long wq_proc_keys_len(const char *tail, const char *description)
{
	size_t n = strlen(description);
	char *end;
	long len;

	if (strncmp(tail, description, n) || tail[n] != ':' || tail[n + 1] != ' ')
		return -1;
	len = strtol(tail + n + 2, &end, 10);
	return end > tail + n + 2 && !*end ? len : -1;
}

/* ---- reading ---- */

/* For each line the kernel may search all keyrings of the daemon, which can take a tenth of a
 * millisecond; so as much is read at one time as takes about so long. */
#define READ_NS	   (WQ_PIECE_NS / 2)
#define READ_LEAST 128u
#define READ_MOST  4096u

struct wq_proc_keys {
	int fd;
	size_t at_once;	  /* bytes */
	size_t have;	  /* bytes of an incomplete line */
	uint64_t have_ns; /* before its first byte was read */
	/* The rest of a line that is longer than the buffer, and so belongs to no key. */
	bool skip;
	char buf[16384];
};

struct wq_proc_keys *wq_proc_keys_open(void)
{
	struct wq_proc_keys *pass = malloc(sizeof(*pass));

	if (!pass)
		return NULL;
	pass->at_once = READ_LEAST;
	pass->have = 0;
	pass->skip = false;
	pass->fd = open("/proc/keys", O_RDONLY | O_CLOEXEC);
	if (pass->fd < 0) {
		free(pass);
		return NULL;
	}
	return pass;
}

void wq_proc_keys_close(struct wq_proc_keys *pass)
{
	if (!pass)
		return;
	close(pass->fd);
	free(pass);
}

void wq_proc_keys_rewind(struct wq_proc_keys *pass)
{
	lseek(pass->fd, 0, SEEK_SET);
	pass->have = 0;
	pass->skip = false;
}

static ssize_t read_some(struct wq_proc_keys *pass, uint64_t began)
{
	const size_t room = sizeof(pass->buf) - 1 - pass->have;
	ssize_t n = read(
		pass->fd, pass->buf + pass->have, pass->at_once < room ? pass->at_once : room);
	const uint64_t took = wq_now_ns() - began;

	if (took > READ_NS && pass->at_once > READ_LEAST)
		pass->at_once /= 2;
	else if (took < READ_NS / 4 && pass->at_once < READ_MOST)
		pass->at_once *= 2;
	return n;
}

int wq_proc_keys_next(
	struct wq_proc_keys *pass, void (*fn)(void *arg, const struct wq_proc_key *), void *arg)
{
	const uint64_t began = wq_now_ns();
	ssize_t n = read_some(pass, began);
	char *p = pass->buf, *nl;
	time_t now = time(NULL);

	if (n < 0)
		return -errno;
	if (n == 0)
		return 0;
	pass->have += (size_t)n;
	if (pass->have == (size_t)n)
		pass->have_ns = began;
	while ((nl = memchr(p, '\n', pass->have - (size_t)(p - pass->buf)))) {
		struct wq_proc_key key = {.read_ns = pass->have_ns};

		*nl = '\0';
		if (!pass->skip && wq_proc_keys_parse(p, now, &key))
			fn(arg, &key);
		pass->skip = false;
		pass->have_ns = began;
		p = nl + 1;
	}
	pass->have -= (size_t)(p - pass->buf);
	if (pass->have == sizeof(pass->buf) - 1) {
		pass->have = 0;
		pass->skip = true;
	}
	memmove(pass->buf, p, pass->have);
	return 1;
}
