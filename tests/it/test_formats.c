/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as bytes, as lines and as JSON, chosen for a queue or for one descriptor. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib.h"

struct rig {
	int fd;
	int32_t key;
};

static void set_up(struct rig *r)
{
	it_start(NULL);
	r->key = it_key("wqfs-test:formats");
	r->fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(r->fd, r->key, 1), 0);
}

/* What one read returns, as a string in a static buffer. */
static const char *take(int fd)
{
	static char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	IT_OK(n > 0);
	text[n] = '\0';
	return text;
}

static const char *line(const struct rig *r)
{
	static char text[64];

	snprintf(text, sizeof(text), "%d attr\n", r->key);
	return text;
}

static void is_json(const struct rig *r, const char *text)
{
	char key[32];

	snprintf(key, sizeof(key), "\"key\":%d", r->key);
	IT_OK(text[0] == '{');
	IT_OK(!strcmp(text + strlen(text) - 2, "}\n"));
	IT_OK(strstr(text, key) || strstr(text, "\"key\": "));
}

static void attribute_chooses_for_all_who_read(void)
{
	struct rig r;
	int other;

	set_up(&r);
	other = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(setxattr(IT_MNT "/q", WQFS_XATTR_FORMAT, "text", 4, 0), 0);
	it_change(r.fd, r.key);
	IT_STR(take(r.fd), line(&r));
	it_change(r.fd, r.key);
	IT_STR(take(other), line(&r));
	IT_EQ(setxattr(IT_MNT "/q", WQFS_XATTR_FORMAT, "json", 4, 0), 0);
	it_change(r.fd, r.key);
	is_json(&r, take(other));
}

static void ioctl_chooses_for_one_descriptor(void)
{
	struct rig r;
	char raw[64];
	int other;

	set_up(&r);
	other = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(ioctl(other, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_TEXT), 0);
	it_change(r.fd, r.key);
	IT_STR(take(other), line(&r));
	it_change(r.fd, r.key);
	IT_EQ(read(r.fd, raw, sizeof(raw)), 16);
	/* which the attribute does not change */
	IT_EQ(setxattr(IT_MNT "/q", WQFS_XATTR_FORMAT, "json", 4, 0), 0);
	it_change(r.fd, r.key);
	IT_STR(take(other), line(&r));
	IT_EQ(ioctl(other, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_RAW), 0);
	it_change(r.fd, r.key);
	IT_EQ(read(other, raw, sizeof(raw)), 16);
	IT_ERRNO(ioctl(other, WQFS_IOC_SET_FORMAT, 3), EINVAL);
	IT_ERRNO(ioctl(other, WQFS_IOC_SET_FORMAT, 1ul << 32), EINVAL);
}

static void size_is_that_of_the_lines(void)
{
	struct stat st;
	struct rig r;

	set_up(&r);
	IT_EQ(setxattr(IT_MNT "/q", WQFS_XATTR_FORMAT, "text", 4, 0), 0);
	for (int i = 0; i < 5; i++)
		it_change(r.fd, r.key);
	IT_EQ(fstat(r.fd, &st), 0);
	IT_EQ(st.st_size, 5 * strlen(line(&r)));
	IT_EQ(strlen(take(r.fd)), 5 * strlen(line(&r)));
}

static void only_lines_longer_than_the_buffer_are_cut(void)
{
	struct rig r;
	char buf[256];
	size_t len;

	set_up(&r);
	len = strlen(line(&r));
	IT_EQ(ioctl(r.fd, WQFS_IOC_SET_FORMAT, WQFS_FORMAT_TEXT), 0);
	for (int i = 0; i < 3; i++)
		it_change(r.fd, r.key);
	IT_EQ(read(r.fd, buf, len - 1), len - 1);
	IT_EQ(read(r.fd, buf, len), 1);
	IT_EQ(read(r.fd, buf, 2 * len - 1), len);
	IT_EQ(read(r.fd, buf, sizeof(buf)), len);
}

static void is_format(const char *queue, const char *format)
{
	char text[16] = "";

	IT_OK(getxattr(queue, WQFS_XATTR_FORMAT, text, sizeof(text) - 1) > 0);
	IT_STR(text, format);
}

static void mount_chooses_for_new_queues(void)
{
	struct rig r;
	int other, anonymous;

	it_start("format=text");
	r.key = it_key("wqfs-test:formats");
	r.fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(r.fd, r.key, 1), 0);
	it_change(r.fd, r.key);
	IT_STR(take(r.fd), line(&r));
	IT_EQ(setxattr(IT_MNT "/q", WQFS_XATTR_FORMAT, "raw", 3, 0), 0);
	is_format(IT_MNT "/q", "raw");
	IT_EQ(removexattr(IT_MNT "/q", WQFS_XATTR_FORMAT), 0);
	is_format(IT_MNT "/q", "text");
	other = open(IT_MNT "/.anonymous", O_RDONLY | O_NONBLOCK | O_CREAT, 0600);
	IT_OK(other >= 0);
	IT_EQ(ioctl(other, IOC_WATCH_QUEUE_SET_SIZE, 32), 0);
	IT_EQ(it_watch(other, r.key, 1), 0);
	it_change(r.fd, r.key);
	anonymous = (int)read(other, (char[256]){0}, 256);
	IT_EQ(anonymous, 16);
}

static const struct it_test tests[] = {
	{"the mount chooses the format of new queues with a name",
		mount_chooses_for_new_queues},
	{"the attribute chooses the format for all who read",
		attribute_chooses_for_all_who_read},
	{"the ioctl chooses the format for one descriptor", ioctl_chooses_for_one_descriptor},
	{"the file's size is that of the lines", size_is_that_of_the_lines},
	{"only lines that are longer than the buffer are cut",
		only_lines_longer_than_the_buffer_are_cut},
};

IT_MAIN(tests)
