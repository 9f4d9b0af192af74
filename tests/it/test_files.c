/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queues as files: names, directory, POSIX attributes. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/libc.h"
#include "lib.h"

static void names_may_be_long_and_odd(void)
{
	static const char *const odd[] = {
		" ", "-", "a b", "a\nb", "..a", "\xff\xfe", "*", "a'\""};
	char name[WQFS_NAME_MAX + 2], path[sizeof(name) + 8];
	struct stat st;

	it_start(NULL);
	memset(name, 'n', sizeof(name));
	name[WQFS_NAME_MAX] = '\0';
	close(it_queue(name, O_RDONLY));
	snprintf(path, sizeof(path), IT_MNT "/%s", name);
	IT_EQ(stat(path, &st), 0);
	IT_EQ(unlink(path), 0);
	name[WQFS_NAME_MAX] = 'n';
	name[WQFS_NAME_MAX + 1] = '\0';
	snprintf(path, sizeof(path), IT_MNT "/%s", name);
	IT_ERRNO(open(path, O_RDONLY | O_CREAT, 0600), ENAMETOOLONG);
	IT_ERRNO(stat(path, &st), ENAMETOOLONG);
	close(it_queue("q", O_RDONLY));
	IT_ERRNO(rename(IT_MNT "/q", path), ENAMETOOLONG);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		close(it_queue(odd[i], O_RDONLY));
		snprintf(path, sizeof(path), IT_MNT "/%s", odd[i]);
		IT_EQ(unlink(path), 0);
	}
}

static void only_queues_can_be_made(void)
{
	struct stat st;

	it_start(NULL);
	close(it_queue("q", O_RDONLY));
	IT_ERRNO(mkdir(IT_MNT "/d", 0700), EPERM);
	IT_ERRNO(symlink("q", IT_MNT "/s"), EPERM);
	IT_ERRNO(link(IT_MNT "/q", IT_MNT "/l"), EPERM);
	IT_ERRNO(mkfifo(IT_MNT "/f", 0600), EPERM);
	IT_ERRNO(open(IT_MNT "/q", O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	IT_ERRNO(open(IT_MNT "/q/x", O_RDONLY), ENOTDIR);
	IT_ERRNO(open(IT_MNT "/none", O_RDONLY), ENOENT);
	IT_ERRNO(rmdir(IT_MNT "/q"), ENOTDIR);
	IT_ERRNO(unlink(IT_MNT "/none"), ENOENT);
	IT_EQ(mknod(IT_MNT "/r", S_IFREG | 0640, 0), 0);
	IT_EQ(stat(IT_MNT "/r", &st), 0);
	IT_EQ(st.st_mode, S_IFREG | 0640);
}

static void new_queue_is_its_creators(void)
{
	struct stat st;
	int fd;

	it_start(NULL);
	umask(077);
	fd = open(IT_MNT "/q", O_RDONLY | O_CREAT, 0666);
	IT_OK(fd >= 0);
	IT_EQ(fstat(fd, &st), 0);
	IT_EQ(st.st_mode, S_IFREG | 0600);
	IT_EQ(st.st_uid, geteuid());
	IT_EQ(st.st_gid, getegid());
	IT_EQ(st.st_nlink, 1);
	IT_EQ(st.st_size, 0);
	IT_EQ(it_stats(fd).size, 256);
}

static void unlinked_queue_lives_until_its_last_close(void)
{
	struct stat st;
	int32_t key;
	char buf[16];
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:unlinked");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key, 1), 0);
	IT_EQ(unlink(IT_MNT "/q"), 0);
	IT_ERRNO(stat(IT_MNT "/q", &st), ENOENT);
	IT_EQ(fstat(fd, &st), 0);
	IT_EQ(st.st_nlink, 0);
	close(it_queue("q", O_RDONLY)); /* another one */
	it_change(fd, key);
	IT_EQ(read(fd, buf, sizeof(buf)), 16);
}

static void renames_follow_their_flags(void)
{
	struct stat a, b, st;
	int fd;

	it_start(NULL);
	close(it_queue("a", O_RDONLY));
	fd = it_queue("b", O_RDONLY);
	IT_EQ(stat(IT_MNT "/a", &a), 0);
	IT_EQ(fstat(fd, &b), 0);
	IT_OK(a.st_ino != b.st_ino);
	IT_ERRNO(renameat2(AT_FDCWD, IT_MNT "/a", AT_FDCWD, IT_MNT "/b", RENAME_NOREPLACE),
		EEXIST);
	IT_EQ(renameat2(AT_FDCWD, IT_MNT "/a", AT_FDCWD, IT_MNT "/b", RENAME_EXCHANGE), 0);
	IT_EQ(stat(IT_MNT "/a", &st), 0);
	IT_EQ(st.st_ino, b.st_ino);
	IT_EQ(stat(IT_MNT "/b", &st), 0);
	IT_EQ(st.st_ino, a.st_ino);
	IT_ERRNO(renameat2(AT_FDCWD, IT_MNT "/a", AT_FDCWD, IT_MNT "/c", RENAME_EXCHANGE),
		ENOENT);
	IT_EQ(renameat2(AT_FDCWD, IT_MNT "/a", AT_FDCWD, IT_MNT "/c", RENAME_NOREPLACE), 0);
	IT_EQ(rename(IT_MNT "/b", IT_MNT "/c"), 0);
	IT_EQ(stat(IT_MNT "/c", &st), 0);
	IT_EQ(st.st_ino, a.st_ino);
	IT_EQ(fstat(fd, &st), 0); /* the queue that had this name */
	IT_EQ(st.st_ino, b.st_ino);
	IT_EQ(st.st_nlink, 0);
	IT_ERRNO(rename(IT_MNT "/b", IT_MNT "/d"), ENOENT);
	IT_ERRNO(rename(IT_MNT "/c", "elsewhere"), EXDEV);
	IT_EQ(rename(IT_MNT "/c", IT_MNT "/c"), 0);
}

#define NAMES 2000

static bool is_removed(int i)
{
	return i % 3 == 0;
}

/* Reads the directory and counts each name; some are removed half way. */
static void list_and_remove(unsigned int *seen)
{
	DIR *dir = opendir(IT_MNT);
	struct dirent *e;
	unsigned int n = 0;
	char path[64];
	int i;

	IT_OK(dir);
	while ((e = readdir(dir))) {
		if (sscanf(e->d_name, "queue%d", &i) != 1)
			continue;
		seen[i]++;
		if (++n != NAMES / 2)
			continue;
		for (i = 0; i < NAMES; i++) {
			snprintf(path, sizeof(path), IT_MNT "/queue%d", i);
			if (is_removed(i))
				IT_EQ(unlink(path), 0);
		}
	}
	closedir(dir);
}

static void directory_can_be_read_while_names_are_removed(void)
{
	static unsigned int seen[NAMES], again[NAMES];
	struct statvfs vfs;
	char name[32];

	it_start("max_queues=0");
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "queue%d", i);
		close(it_queue(name, O_RDONLY));
	}
	IT_EQ(statvfs(IT_MNT, &vfs), 0);
	IT_EQ(vfs.f_files, NAMES);
	list_and_remove(seen);
	for (int i = 0; i < NAMES; i++)
		IT_OK(is_removed(i) ? seen[i] <= 1 : seen[i] == 1);
	for (int i = 0; i < NAMES; i++) {
		struct stat st;

		snprintf(name, sizeof(name), IT_MNT "/queue%d", i);
		again[i] = stat(name, &st) == 0;
		IT_EQ(again[i], !is_removed(i));
	}
	IT_EQ(statvfs(IT_MNT, &vfs), 0);
	IT_EQ(vfs.f_files, NAMES - (NAMES + 2) / 3);
	IT_EQ(vfs.f_namemax, WQFS_NAME_MAX);
}

/* Checks that the directory has these names, separated by blanks, in any of two descriptors. */
static void has_names(DIR *kept, const char *want)
{
	DIR *dirs[] = {kept, opendir(IT_MNT)};
	struct dirent *e;
	char names[64];

	for (int i = 0; i < 2; i++) {
		names[0] = '\0';
		IT_OK(dirs[i]);
		rewinddir(dirs[i]);
		while ((e = readdir(dirs[i])))
			if (e->d_name[0] != '.')
				strcat(strcat(names, *names ? " " : ""), e->d_name);
		IT_STR(names, want);
	}
	closedir(dirs[1]);
}

static void directory_that_was_read_is_read_anew_after_a_change(void)
{
	DIR *kept;

	it_start(NULL);
	kept = opendir(IT_MNT);
	has_names(kept, "");
	close(it_queue("a", O_RDONLY));
	has_names(kept, "a");
	close(it_queue("b", O_RDONLY));
	has_names(kept, "a b");
	IT_EQ(unlink(IT_MNT "/a"), 0);
	has_names(kept, "b");
	IT_EQ(rename(IT_MNT "/b", IT_MNT "/c"), 0);
	has_names(kept, "c");
	closedir(kept);
}

/* What the daemon says of its requests has WORD so many times. */
static unsigned int count_requests(const char *word)
{
	FILE *f = fopen(IT_OUT, "re");
	unsigned int n = 0;
	char line[512];

	IT_OK(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, word) != NULL;
	fclose(f);
	return n;
}

static void directory_is_opened_without_a_request(void)
{
	pid_t daemon = it_spawn(it_daemon_argv("debug"), IT_OUT);

	IT_UNTIL(it_mounted());
	for (int i = 0; i < 10; i++)
		IT_EQ(close(open(IT_MNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC)), 0);
	IT_EQ(kill(daemon, SIGTERM), 0);
	IT_EQ(it_wait(daemon), 0);
	IT_EQ(count_requests("opcode: OPENDIR"),
		1); /* which says that there need not be others */
	IT_EQ(count_requests("opcode: RELEASEDIR"), 0);
}

static void modes_owners_and_times_can_be_set(void)
{
	struct stat st;
	int fd;

	it_need_root();
	it_start(NULL);
	fd = it_queue("q", O_RDONLY);
	IT_EQ(chmod(IT_MNT "/q", 0444), 0);
	IT_EQ(fchown(fd, 12, 34), 0);
	IT_EQ(fstat(fd, &st), 0);
	IT_EQ(st.st_mode, S_IFREG | 0444);
	IT_EQ(st.st_uid, 12);
	IT_EQ(st.st_gid, 34);
	IT_EQ(utimensat(AT_FDCWD, IT_MNT "/q", NULL, 0), 0);
	IT_EQ(chmod(IT_MNT, 0755), 0);
	IT_EQ(chown(IT_MNT, 12, 34), 0);
	IT_EQ(stat(IT_MNT, &st), 0);
	IT_EQ(st.st_mode, S_IFDIR | 0755);
	IT_EQ(st.st_uid, 12);
	IT_EQ(st.st_gid, 34);
	IT_ERRNO(truncate(IT_MNT, 0), EISDIR);
}

static void last_post_is_the_files_mtime(void)
{
	struct stat before, after;
	int32_t key;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:mtime");
	fd = it_queue("q", O_RDONLY);
	IT_EQ(it_watch(fd, key, 1), 0);
	IT_EQ(fstat(fd, &before), 0);
	it_change(fd, key);
	IT_EQ(fstat(fd, &after), 0);
	IT_OK(after.st_mtim.tv_sec > before.st_mtim.tv_sec ||
		(after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
			after.st_mtim.tv_nsec > before.st_mtim.tv_nsec));
}

static const struct it_test tests[] = {
	{"names may be 255 bytes long and of any bytes", names_may_be_long_and_odd},
	{"nothing but queues can be made", only_queues_can_be_made},
	{"a new queue is its creator's", new_queue_is_its_creators},
	{"an unlinked queue lives until its last close",
		unlinked_queue_lives_until_its_last_close},
	{"renames follow their flags", renames_follow_their_flags},
	{"the directory can be read while names are removed",
		directory_can_be_read_while_names_are_removed},
	{"a directory that was read is read anew after a change",
		directory_that_was_read_is_read_anew_after_a_change},
	{"the directory is opened without a request", directory_is_opened_without_a_request},
	{"modes, owners and times can be set", modes_owners_and_times_can_be_set},
	{"the time of the last post is the file's mtime", last_post_is_the_files_mtime},
};

IT_MAIN(tests)
