/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No payload stays in the daemon: the test searches the daemon's memory for a payload that it
 * has just compared. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "lib.h"

#define WORD	  32 /* random letters that appear nowhere else */
#define PAYLOAD	  2000
#define LOOKS	  20
#define TOO_LARGE (1ull << 36) /* for a process to be written to a file */

static void make_word(char *word)
{
	IT_EQ(getrandom(word, WORD, 0), WORD);
	for (int i = 0; i < WORD; i++)
		word[i] = (char)('a' + (word[i] & 15));
	word[WORD] = '\0';
}

static unsigned long long virtual_size(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	return strtoull(it_text(path), NULL, 10) * (unsigned long long)sysconf(_SC_PAGESIZE);
}

/* A core of PID in memory, with what the process excludes from dumps. Stores its length in
 * *SIZE. */
static const char *core_of(pid_t pid, size_t *size)
{
	char process[16];
	const char *argv[] = {"gdb", "-nx", "-batch", "-p", process, "-ex",
		"set use-coredump-filter off", "-ex", "set dump-excluded-mappings on", "-ex",
		"generate-core-file core", NULL};
	struct stat st;
	void *core;
	int fd;

	if (virtual_size(pid) > TOO_LARGE)
		it_skip("a daemon with a sanitizer is too large to dump");
	snprintf(process, sizeof(process), "%d", (int)pid);
	if (it_run(argv, "gdb.out") == 127)
		it_skip("gdb is not installed");
	fd = open("core", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		IT_FAIL("no core was made; gdb says: %s", it_text("gdb.out"));
	IT_EQ(fstat(fd, &st), 0);
	core = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	IT_OK(core != MAP_FAILED);
	*size = (size_t)st.st_size;
	return core;
}

/* Sets WORD, repeated, as the payload of KEY. */
static void update(int32_t key, const char *word)
{
	char payload[PAYLOAD];

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = word[i % WORD];
	IT_EQ(keyctl_update(key, payload, sizeof(payload)), 0);
}

static void payload_is_in_no_core_of_the_daemon(void)
{
	char words[LOOKS][WORD + 1], name[WORD + 32], description[WORD + 1];
	const char *core;
	pid_t daemon;
	int32_t key;
	size_t size;
	int fd;

	it_need_root();
	it_need_bare_daemon("the wrapper's memory would be searched as well");
	daemon = it_start(NULL);
	make_word(description);
	snprintf(name, sizeof(name), "wqfs-test:%s", description);
	key = it_key(name);
	fd = it_queue("q", O_RDONLY);
	IT_EQ(it_watch(fd, key, 1), 0);
	for (int i = 0; i < LOOKS; i++) {
		make_word(words[i]);
		update(key, words[i]);
		IT_EQ(ioctl(fd, WQFS_IOC_SYNC), 0);
	}
	IT_EQ(it_stats(fd).posted, LOOKS); /* it has read each of them */
	core = core_of(daemon, &size);
	IT_OK(memmem(core, size, description, WORD)); /* what it may keep is found */
	for (int i = 0; i < LOOKS; i++)
		IT_OK(!memmem(core, size, words[i], WORD / 2));
}

static void other_processes_of_its_user_cannot_look_into_it(void)
{
	uid_t uid = it_nobody();
	char path[64];
	pid_t daemon;

	it_device_mode(0666);
	it_become(uid);
	daemon = it_start(NULL);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)daemon);
	IT_ERRNO(open(path, O_RDONLY), EACCES);
}

static const struct it_test tests[] = {
	{"a payload is in no core of the daemon", payload_is_in_no_core_of_the_daemon},
	{"other processes of its user cannot read the memory of the daemon",
		other_processes_of_its_user_cannot_look_into_it},
};

IT_MAIN(tests)
