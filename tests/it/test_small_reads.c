/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines that are longer than the read: they are read in pieces. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib.h"

#define LINES 3

struct rig {
	int fd, other; /* two descriptions of a queue with format text */
	int32_t key;
	char line[32]; /* the line of each record */
	size_t len;
};

static void set_up(struct rig *r)
{
	it_start("default_size=32");
	r->fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	r->other = it_queue("q", O_RDONLY | O_NONBLOCK);
	r->key = it_key("wqfs-test:small");
	IT_EQ(ioctl(r->fd, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_TEXT), 0);
	IT_EQ(ioctl(r->other, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_TEXT), 0);
	IT_EQ(setxattr(IT_MNT "/q", WQFS_XATTR_FORMAT, "text", 4, 0), 0);
	r->len = (size_t)snprintf(r->line, sizeof(r->line), "%d gc\n", r->key);
}

static void reads(int fd, size_t size, const char *want)
{
	char buf[4096] = "";
	ssize_t n = read(fd, buf, size);

	IT_EQ(n, strlen(want));
	IT_STR(buf, want);
}

static bool can_read(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 0) == 1 && p.revents == POLLIN;
}

/* st_size; FIONREAD must be the same. */
static size_t size_of(int fd)
{
	struct stat st;
	int n;

	IT_EQ(fstat(fd, &st), 0);
	IT_EQ(ioctl(fd, FIONREAD, &n), 0);
	IT_EQ(n, st.st_size);
	return (size_t)st.st_size;
}

static void line_can_be_read_byte_by_byte(void)
{
	struct rig r;

	set_up(&r);
	it_fill(r.fd, r.key, LINES);
	for (size_t i = 0; i < LINES * r.len; i++) {
		IT_EQ(size_of(r.fd), LINES * r.len - i);
		IT_OK(can_read(r.fd));
		reads(r.fd, 1, (const char[]){r.line[i % r.len], '\0'});
	}
	IT_EQ(size_of(r.fd), 0);
	IT_OK(!can_read(r.fd));
	IT_ERRNO(read(r.fd, r.line, 1), EAGAIN);
	IT_EQ(it_stats(r.fd).read, LINES);
}

static void rest_of_a_line_is_read_first_by_who_began_it(void)
{
	char want[128];
	struct rig r;

	set_up(&r);
	it_fill(r.fd, r.key, LINES);
	reads(r.fd, 2, (const char[]){r.line[0], r.line[1], '\0'});
	reads(r.other, r.len, r.line);
	IT_OK(can_read(r.other));
	snprintf(want, sizeof(want), "%s%s", r.line + 2, r.line);
	reads(r.fd, 4096, want);
	IT_OK(!can_read(r.fd) && !can_read(r.other));
}

static void rest_is_for_who_began_it_alone(void)
{
	struct rig r;

	set_up(&r);
	it_fill(r.fd, r.key, 1);
	reads(r.fd, 2, (const char[]){r.line[0], r.line[1], '\0'});
	IT_OK(can_read(r.fd));
	IT_OK(!can_read(r.other));
	IT_ERRNO(read(r.other, r.line, 1), EAGAIN);
	reads(r.fd, 4096, r.line + 2);
}

static void line_that_is_not_read_to_its_end_goes_back(void)
{
	char want[128];
	struct rig r;

	set_up(&r);
	it_fill(r.fd, r.key, LINES);
	reads(r.fd, 2, (const char[]){r.line[0], r.line[1], '\0'});
	close(r.fd);
	IT_UNTIL(it_stats(r.other).queued == LINES);
	IT_EQ(it_stats(r.other).read, 0);
	snprintf(want, sizeof(want), "%s%s%s", r.line, r.line, r.line);
	reads(r.other, 4096, want);
}

static void line_that_cannot_go_back_is_told_as_lost(void)
{
	char buf[4096] = "";
	uint32_t size;
	struct rig r;

	set_up(&r);
	size = it_stats(r.fd).size;
	it_fill(r.fd, r.key, size);
	reads(r.fd, 2, (const char[]){r.line[0], r.line[1], '\0'});
	it_fill(r.other, r.key, 1);
	close(r.fd);
	IT_UNTIL(it_stats(r.other).lost == 1);
	IT_EQ(it_stats(r.other).queued, size);
	IT_OK(read(r.other, buf, sizeof(buf)) > 0);
	IT_OK(!strncmp(buf, "-- LOSS --\n", strlen("-- LOSS --\n")));
}

static void raw_record_is_not_cut(void)
{
	char buf[16];
	struct rig r;

	set_up(&r);
	it_fill(r.fd, r.key, 1);
	reads(r.fd, 2, (const char[]){r.line[0], r.line[1], '\0'});
	IT_EQ(ioctl(r.fd, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_RAW), 0);
	IT_ERRNO(read(r.fd, buf, sizeof(buf) - 1), ENOBUFS);
	IT_EQ(read(r.fd, buf, sizeof(buf)), sizeof(buf));
}

/* Each must print the LINES lines, of BYTES bytes, that wait in $q. */
static const struct {
	const char *program, *command;
} programs[] = {
	{"dash", "exec dash -c 'for i in 1 2 3; do read -r l && echo \"$l\"; done' <$q"},
	{"bash", "exec bash -c 'for i in 1 2 3; do read -r l && echo \"$l\"; done' <$q"},
	{"busybox",
		"exec busybox sh -c 'for i in 1 2 3; do read -r l && echo \"$l\"; done' <$q"},
	{"busybox", "exec busybox head -c $bytes $q"},
	{"sed", "exec sed -u 3q $q"},
	{"dd", "exec dd bs=1 count=$bytes if=$q status=none"},
	{"head", "exec head -c $bytes $q"},
	{"head", "(head -c 4; head -c 7; exec head -c $((bytes - 11))) <$q"},
	{"od", "od -An -v -to1 -w1 -N $bytes $q | while read -r n; do printf \"\\\\$n\"; done"},
	{"python3", "exec python3 -c 'import os, sys\n"
		    "fd = os.open(sys.argv[1], os.O_RDONLY)\n"
		    "for i in range(int(sys.argv[2])): os.write(1, os.read(fd, 1))' $q $bytes"},
};

static bool installed(const char *program)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s", program);
	return it_run((const char *[]){"sh", "-c", command, NULL}, "which.out") == 0;
}

static void programs_that_read_little_get_whole_lines(void)
{
	char want[128], bytes[24];
	struct rig r;

	set_up(&r);
	snprintf(want, sizeof(want), "%s%s%s", r.line, r.line, r.line);
	snprintf(bytes, sizeof(bytes), "%zu", strlen(want));
	setenv("q", IT_MNT "/q", 1);
	setenv("bytes", bytes, 1);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		const char *const argv[] = {"sh", "-c", programs[i].command, NULL};

		if (!installed(programs[i].program))
			continue;
		it_fill(r.fd, r.key, LINES);
		if (it_run(argv, "out") != 0 || strcmp(it_text("out"), want) != 0)
			IT_FAIL("%s printed: %s", programs[i].command, it_text("out"));
		IT_EQ(size_of(r.fd), 0);
	}
}

static const struct it_test tests[] = {
	{"a line can be read byte by byte", line_can_be_read_byte_by_byte},
	{"the rest of a line is read first by who began it",
		rest_of_a_line_is_read_first_by_who_began_it},
	{"the rest of a line is for who began it alone", rest_is_for_who_began_it_alone},
	{"a line that is not read to its end goes back",
		line_that_is_not_read_to_its_end_goes_back},
	{"a line that cannot go back is told as lost",
		line_that_cannot_go_back_is_told_as_lost},
	{"a raw record is not cut", raw_record_is_not_cut},
	{"programs that read little at once get whole lines",
		programs_that_read_little_get_whole_lines},
};

IT_MAIN(tests)
