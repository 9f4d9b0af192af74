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

/* COUNT users from OUTER on, which a user namespace numbers from INNER on. */
struct extent {
	uid_t inner, outer;
	uint32_t count;
};

static FILE *open_map(pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)tid);
	return fopen(path, "re");
}

/* Reads the next line of MAP. False: there is none. */
static bool next_extent(FILE *map, struct extent *e)
{
	char line[128];

	while (fgets(line, sizeof(line), map))
		if (sscanf(line, "%" SCNu32 " %" SCNu32 " %" SCNu32, &e->inner, &e->outer,
			    &e->count) == 3)
			return true;
	return false;
}

bool wq_mapped_by(pid_t tid, struct wq_uid_range *r)
{
	FILE *map = open_map(tid);
	struct extent e;
	bool any = false;

	*r = (struct wq_uid_range){0};
	if (!map)
		return false;
	while (next_extent(map, &e)) {
		widen(r, e.outer, e.count);
		any = true;
	}
	fclose(map);
	return any;
}

bool wq_mapped_inner(pid_t tid, uid_t uid, uid_t *inner)
{
	FILE *map = open_map(tid);
	struct extent e;

	if (!map)
		return false;
	*inner = (uid_t)-1;
	while (next_extent(map, &e))
		if (uid >= e.outer && uid - e.outer < e.count)
			*inner = e.inner + (uid - e.outer);
	fclose(map);
	return true;
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
