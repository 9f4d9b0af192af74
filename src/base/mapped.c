/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mapped.h"

bool wq_uid_in_range(const struct wq_uid_range *r, uid_t uid)
{
	return r->last && uid >= r->first && uid <= r->last;
}

/* Adds the COUNT users from FIRST on to R, except logins. */
static void widen(struct wq_uid_range *r, uint64_t first, uint64_t count)
{
	uint64_t last = first + count - 1;

	if (!count || last <= WQ_LAST_LOGIN)
		return;
	if (first <= WQ_LAST_LOGIN)
		first = WQ_LAST_LOGIN + 1;
	if (last > WQ_ALL_MAPPED.last)
		last = WQ_ALL_MAPPED.last;
	if (!r->last || first < r->first)
		r->first = (uid_t)first;
	if (last > r->last)
		r->last = (uid_t)last;
}

bool wq_mapped_by(pid_t tid, struct wq_uid_range *r)
{
	uint32_t inner, outer, count;
	char path[64], line[128];
	bool any = false;
	FILE *f;

	*r = (struct wq_uid_range){0};
	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inner, &outer, &count) ==
			3) {
			widen(r, outer, count);
			any = true;
		}
	fclose(f);
	return any;
}

/* ---- what users may map ---- */

void wq_mapped_parse_subuid(const char *text, struct wq_uid_range *r)
{
	*r = (struct wq_uid_range){0};
	for (const char *line = text; line; line = strchr(line, '\n')) {
		uint64_t first, count;

		line += *line == '\n';
		if (sscanf(line, "%*[^:\n]:%" SCNu64 ":%" SCNu64, &first, &count) == 2)
			widen(r, first, count);
	}
}

/* Reads the whole file PATH, NUL-terminated. False: it cannot be read, or does not fit. */
static bool slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n >= 0 && (size_t)n < size - 1;
}

/* newuidmap(1) asks the service that nsswitch.conf(5) names, if there is one. */
static bool is_by_others(void)
{
	char text[16384];

	return slurp("/etc/nsswitch.conf", text, sizeof(text)) && strstr(text, "\nsubid:");
}

static struct wq_uid_range read_subuid(void)
{
	struct wq_uid_range r = {0};
	char text[65536];

	if (!slurp("/etc/subuid", text, sizeof(text)) || is_by_others())
		return WQ_ALL_MAPPED;
	wq_mapped_parse_subuid(text, &r);
	return r;
}

struct wq_uid_range wq_mapped_by_users(void)
{
	static struct wq_uid_range range;
	static struct timespec of; /* when the file was last changed */
	struct stat st;

	if (stat("/etc/subuid", &st) < 0)
		return WQ_ALL_MAPPED;
	if (st.st_ctim.tv_sec != of.tv_sec || st.st_ctim.tv_nsec != of.tv_nsec) {
		range = read_subuid();
		of = st.st_ctim;
	}
	return range;
}
