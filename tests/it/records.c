/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/libc.h"
#include "lib.h"
#include "record/names.h"
#include "records.h"

#define NAMES 16

static struct {
	int32_t key;
	const char *name;
} names[NAMES];

/* ---- words ---- */

void records_name(int32_t key, const char *name)
{
	for (int i = 0; i < NAMES; i++) {
		if (names[i].key && names[i].key != key)
			continue;
		names[i].key = key;
		names[i].name = name;
		return;
	}
	IT_FAIL("more than %d names", NAMES);
}

/* The name of a serial, in one of two static buffers. */
static const char *name_of(uint32_t key)
{
	static char number[2][16];
	static int turn;

	for (int i = 0; i < NAMES; i++)
		if (names[i].key && (uint32_t)names[i].key == key)
			return names[i].name;
	turn = !turn;
	snprintf(number[turn], sizeof(number[turn]), "%u", key);
	return number[turn];
}

static size_t word(char *to, size_t size, const struct it_record *r)
{
	const char *verb = wq_subtype_name(r->type, r->subtype);
	bool links = r->subtype == NOTIFY_KEY_LINKED || r->subtype == NOTIFY_KEY_UNLINKED;
	int n;

	if (!verb)
		IT_FAIL("a record of type %u.%u", r->type, r->subtype);
	if (r->type == WATCH_TYPE_META && r->subtype == WATCH_META_LOSS_NOTIFICATION)
		n = snprintf(to, size, "LOSS");
	else if (r->type == WATCH_TYPE_META)
		n = snprintf(to, size, "%s:removed", name_of(r->key));
	else if (links)
		n = snprintf(to, size, "%s:%s:%s", name_of(r->key), verb, name_of(r->aux));
	else
		n = snprintf(to, size, "%s:%s", name_of(r->key), verb);
	IT_OK(n > 0 && (size_t)n < size);
	return (size_t)n;
}

const char *records(int fd)
{
	static char text[16384];
	unsigned char buf[4096];
	size_t n = 0;
	ssize_t got;

	text[0] = '\0';
	while ((got = read(fd, buf, sizeof(buf))) > 0) {
		const unsigned char *p = buf;
		size_t left = (size_t)got;
		struct it_record r;

		while (it_next(&p, &left, &r)) {
			if (n)
				text[n++] = ' ';
			n += word(text + n, sizeof(text) - n - 1, &r);
		}
	}
	IT_OK(got < 0 && errno == EAGAIN);
	return text;
}

static bool may_become(const char *all, const char *want)
{
	return want && !strncmp(all, want, strlen(all));
}

static bool is(const char *all, const char *want)
{
	return want && !strcmp(all, want);
}

void records_until(const char *file, int line, int fd, const char *want, const char * or)
{
	uint64_t end = wq_now_ns() + IT_DEADLINE_S * 1000000000ull;
	char all[16384] = "";

	while (!is(all, want) && !is(all, or)) {
		const char *more = records(fd);
		size_t n = strlen(all);

		snprintf(all + n, sizeof(all) - n, "%s%s", n && *more ? " " : "", more);
		if ((!may_become(all, want) && !may_become(all, or)) || wq_now_ns() > end)
			it_fail(file, line,
				"the records are \"%s\", not \"%s\"; the daemon has said: %s",
				all, want, it_text(IT_OUT));
		it_breathe();
	}
}

void records_none(const char *file, int line, int fd)
{
	const char *besides;

	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	besides = records(fd);
	if (*besides)
		it_fail(file, line, "there is also \"%s\"; the daemon has said: %s", besides,
			it_text(IT_OUT));
}

/* ---- tracefs ---- */

int trace_need(void)
{
	int fs, fd;

	it_need_root();
	fs = fsopen("tracefs", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		it_skip("no tracefs here: %m");
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		it_skip("tracefs cannot be mounted: %m");
	close(fs);
	if (faccessat(fd, "events/syscalls/sys_enter_keyctl/enable", W_OK, 0) < 0)
		it_skip("this kernel has no syscall tracepoints: %m");
	return fd;
}

void trace_write(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		IT_FAIL("%s: %m", path);
	close(fd);
}

void trace_cut(int tracefs, pid_t daemon, const char *what, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "instances/wqfs-%s-%d/%s", what, (int)daemon, file);
	trace_write(tracefs, path, "0");
}

struct rlimit trace_make_poll(int tracefs, pid_t daemon, int fd)
{
	struct rlimit old, none;

	IT_EQ(prlimit(daemon, RLIMIT_NOFILE, NULL, &old), 0);
	none = (struct rlimit){.rlim_cur = 3, .rlim_max = old.rlim_max};
	IT_EQ(prlimit(daemon, RLIMIT_NOFILE, &none, NULL), 0);
	trace_cut(tracefs, daemon, "sysenter", "tracing_on");
	IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	IT_OK(!trace_is_used());
	return old;
}

void trace_may_start(pid_t daemon, const struct rlimit *limit)
{
	IT_EQ(prlimit(daemon, RLIMIT_NOFILE, limit, NULL), 0);
}

bool trace_is_used(void)
{
	char text[512] = "";

	IT_OK(getxattr(IT_MNT, WQFS_XATTR_SOURCE, text, sizeof(text) - 1) > 0);
	return !strncmp(text, "trace", strlen("trace")) && !strstr(text, "(starting)");
}
