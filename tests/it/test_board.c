/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The board of a mount, and what the preload library of wqrun does by it: which reports it
 * makes, and that none is missing. The mount polls so rarely that only a report can reveal a
 * change. The library is loaded into the test, which calls its entry point.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/unused.h"
#include "lib.h"
#include "records.h"

#define BLIND	"source=poll,poll_min_ms=3600000,poll_max_ms=3600000"
#define UPDATES 1000

static int32_t key_a, other;
static long (*shim)(long nr, ...); /* its syscall() */

/* The programs that follow use the mount at DIR. */
static void use_mount(const char *dir)
{
	char mount[512];
	size_t len;

	IT_OK(getcwd(mount, sizeof(mount)));
	len = strlen(mount);
	IT_OK((size_t)snprintf(mount + len, sizeof(mount) - len, "/%s", dir) <
		sizeof(mount) - len);
	IT_EQ(setenv("WQFS_MOUNT", mount, 1), 0);
}

static void load_shim(void)
{
	void *library = dlopen(SHIM, RTLD_NOW | RTLD_LOCAL);

	IT_OK(library);
	shim = (long (*)(long, ...))dlsym(library, "syscall");
	IT_OK(shim);
	use_mount(IT_MNT);
}

static void set_up(void)
{
	it_start(BLIND);
	load_shim();
	key_a = it_key("wqfs-test:a");
	other = it_key("wqfs-test:other");
	records_name(key_a, "A");
	records_name(other, "OTHER");
}

/* The program that runs under wqrun updates KEY. */
static void update(int32_t key)
{
	IT_EQ(shim(SYS_keyctl, KEYCTL_UPDATE, key, "x", 1L, 0L), 0);
}

static struct wqfs_board_place place(void)
{
	struct wqfs_board_place p;
	int root = open(IT_MNT, O_RDONLY | O_DIRECTORY);

	IT_OK(root >= 0);
	IT_EQ(ioctl(root, WQFS_IOC_GET_BOARD, &p), 0);
	close(root);
	return p;
}

static const struct wqfs_board *attach(void)
{
	struct wqfs_board_place p = place();
	const struct wqfs_board *board = shmat(p.segment, NULL, SHM_RDONLY);

	IT_OK(board != (void *)-1);
	IT_OK(memcmp(board->token, p.token, sizeof(p.token)) == 0);
	return board;
}

static bool shows(const struct wqfs_board *board, int32_t key)
{
	uint32_t bit = WQFS_BOARD_BIT(key);

	return board->bits[bit / 32] >> bit % 32 & 1;
}

/* How often this process has waited: once for each request of the daemon, as a rule. */
static long waits(void)
{
	struct rusage usage;

	IT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_nvcsw;
}

static void board_shows_what_is_watched(void)
{
	const struct wqfs_board *board;
	uint32_t generation;
	int fd;

	set_up();
	board = attach();
	IT_EQ(board->watched, 0);
	IT_EQ(board->wanted, WQFS_WANTED_WATCHED);
	IT_EQ(board->owner, (uint32_t)it_daemon());
	generation = board->generation;
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	IT_EQ(board->watched, 1);
	IT_OK(shows(board, key_a));
	IT_OK(board->generation != generation);
	IT_EQ(it_watch(fd, key_a, -1), 0);
	IT_EQ(board->watched, 0);
	IT_OK(!shows(board, key_a));
}

static void attach_to_write(void *at)
{
	const struct wqfs_board_place *p = at;

	IT_OK(shmat(p->segment, NULL, 0) == (void *)-1);
	IT_EQ(errno, EACCES);
	IT_OK(shmat(p->segment, NULL, SHM_RDONLY) != (void *)-1);
}

static void nobody_can_write_to_it(void)
{
	struct wqfs_board_place p;

	it_start(BLIND);
	p = place();
	if (geteuid() == 0)
		it_as(it_nobody(), attach_to_write, &p);
	else
		attach_to_write(&p);
}

static void it_is_void_when_the_daemon_has_ended(void)
{
	const struct wqfs_board *board;

	it_start(BLIND);
	board = attach();
	it_stop(it_daemon());
	IT_EQ(board->owner, 0);
}

static void it_is_void_when_the_daemon_was_killed(void)
{
	const struct wqfs_board *board;
	pid_t daemon = it_start(BLIND);

	board = attach();
	IT_EQ(kill(daemon, SIGKILL), 0);
	IT_EQ(it_wait(daemon), -SIGKILL);
	IT_OK(board->owner & FUTEX_OWNER_DIED);
	it_start(BLIND);
	it_has_replaced_a_dead_one();
}

static void what_nobody_watches_is_not_reported(void)
{
	long before;

	set_up();
	update(key_a);
	before = waits();
	for (int i = 0; i < UPDATES; i++)
		update(key_a);
	IT_OK(waits() - before < UPDATES / 2);
	IT_EQ(it_watch(it_queue("q", O_RDONLY), other, 1), 0);
	before = waits();
	for (int i = 0; i < UPDATES; i++)
		update(key_a);
	IT_OK(waits() - before < UPDATES / 2);
}

static void watch_that_stands_gets_the_report(void)
{
	int fd;

	set_up();
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	for (int i = 0; i < 50; i++) {
		update(key_a);
		IT_EQ(it_watch(fd, key_a, 1), 0);
		update(key_a);
		IT_STR(records(fd), "A:updated");
		IT_EQ(it_watch(fd, key_a, -1), 0);
		RECORDS_UNTIL(fd, "A:removed");
	}
}

static void child_that_closes_all_reports(void)
{
	int fd;
	pid_t child;

	set_up();
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	update(key_a);
	IT_STR(records(fd), "A:updated");
	child = it_fork();
	if (child == 0) {
		for (int i = 0; i < 64; i++)
			close(i);
		update(key_a);
		_exit(0);
	}
	it_join(child);
	IT_STR(records(fd), "A:updated");
}

static void watch_on_a_new_mount(void)
{
	int fd;

	it_start(BLIND);
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	update(key_a);
	IT_STR(records(fd), "A:updated");
}

static void program_reports_to_the_mount_that_follows(void)
{
	set_up();
	update(key_a);
	it_stop(it_daemon());
	update(key_a);
	watch_on_a_new_mount();
}

static void program_reports_to_the_mount_that_follows_one_that_was_killed(void)
{
	pid_t daemon;

	set_up();
	update(key_a);
	daemon = it_daemon();
	IT_EQ(kill(daemon, SIGKILL), 0);
	IT_EQ(it_wait(daemon), -SIGKILL);
	watch_on_a_new_mount();
	it_has_replaced_a_dead_one();
}

/* A keyring that loses it then posts nothing, and the mount has to know why. */
static void end_of_a_life_is_reported_of_any_key(void)
{
	long before;

	set_up();
	IT_EQ(it_watch(it_queue("q", O_RDONLY), other, 1), 0);
	before = waits();
	for (int i = 0; i < UPDATES; i++)
		IT_EQ(shim(SYS_keyctl, KEYCTL_SET_TIMEOUT, key_a, 3600L), 0);
	IT_OK(waits() - before > UPDATES / 2);
}

/* The program adds A again, which updates it. Its keyring is not watched. */
static void add_again(int fd)
{
	IT_EQ(shim(SYS_add_key, "user", "wqfs-test:a", "2", 1L, KEY_SPEC_SESSION_KEYRING),
		key_a);
	IT_STR(records(fd), "A:updated");
}

static void update_of_a_key_that_may_not_be_searched(void)
{
	int fd;

	set_up();
	IT_EQ(keyctl_setperm(
		      key_a, (KEY_POS_ALL & ~KEY_POS_SEARCH) | (KEY_USR_ALL & ~KEY_USR_SEARCH)),
		0);
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	add_again(fd);
}

static void update_of_a_key_that_has_expired(void)
{
	int fd;

	set_up();
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	IT_EQ(shim(SYS_keyctl, KEYCTL_SET_TIMEOUT, key_a, 1L), 0);
	IT_STR(records(fd), "A:setattr");
	IT_UNTIL(keyctl_describe(key_a, NULL, 0) < 0 && errno == EKEYEXPIRED);
	add_again(fd);
}

static void reading_does_not_ask_the_daemon(void)
{
	char text[64];
	pid_t child;

	set_up();
	IT_EQ(kill(it_daemon(), SIGSTOP), 0);
	child = it_fork();
	if (child == 0) {
		IT_EQ(shim(SYS_keyctl, KEYCTL_READ, key_a, text, sizeof(text)), 1);
		IT_OK(shim(SYS_keyctl, KEYCTL_DESCRIBE, key_a, text, sizeof(text)) > 0);
		IT_OK(shim(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) > 0);
		IT_EQ(shim(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
			      "wqfs-test:a", 0),
			key_a);
		_exit(0);
	}
	it_join(child);
	IT_EQ(kill(it_daemon(), SIGCONT), 0);
}

/* An invalidation makes the daemon try a change itself, which must not be reported to it. */
static void daemon_under_wqrun_does_not_ask_itself(void)
{
	int fd;

	it_need_bare_daemon("the library would be loaded into WQFS_WRAPPER");
	use_mount(IT_MNT);
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
	setenv("LD_PRELOAD", SHIM, 1);
	set_up();
	unsetenv("LD_PRELOAD");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	IT_EQ(shim(SYS_keyctl, KEYCTL_INVALIDATE, key_a), 0);
	RECORDS_UNTIL(fd, "A:invalidated");
}

/* Makes a segment in the place of the board, which says that no key is watched. */
static void forge(void *at)
{
	const struct wqfs_board_place *p = at;
	struct wqfs_board *board;

	IT_EQ(shmget(IPC_PRIVATE, sizeof(*board), 0444 | 0200), p->segment);
	board = shmat(p->segment, NULL, 0);
	IT_OK(board != (void *)-1);
	memcpy(board->token, p->token, sizeof(p->token));
	board->owner = 1;
}

static void board_of_somebody_else_is_none(void)
{
	struct wqfs_board_place p;
	uid_t nobody = it_nobody();
	char text[16];
	int fd, next;

	set_up();
	p = place();
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	IT_EQ(unshare(CLONE_NEWIPC), 0);
	next = open("/proc/sys/kernel/shm_next_id", O_WRONLY | O_CLOEXEC);
	if (next < 0)
		it_skip("the number of a segment cannot be chosen: %m");
	snprintf(text, sizeof(text), "%d", p.segment);
	IT_EQ(write(next, text, strlen(text)), strlen(text));
	close(next);
	it_as(nobody, forge, &p);
	update(key_a);
	IT_STR(records(fd), "A:updated");
}

#define ANOTHER "another"

static bool is_mount(const char *dir)
{
	struct stat st, here;

	return stat(dir, &st) == 0 && stat(".", &here) == 0 && st.st_dev != here.st_dev;
}

static pid_t start_another(void)
{
	const char **argv = it_daemon_argv(BLIND);
	size_t last = 0;
	pid_t pid;

	while (argv[last + 1])
		last++;
	argv[last] = ANOTHER;
	IT_EQ(mkdir(ANOTHER, 0700), 0);
	pid = it_spawn(argv, "another.out");
	IT_UNTIL(is_mount(ANOTHER));
	return pid;
}

static void program_reports_to_the_mount_that_its_environment_names(void)
{
	pid_t another;
	int fd;

	set_up();
	another = start_another();
	fd = open(ANOTHER "/q", O_RDONLY | O_NONBLOCK | O_CREAT | O_CLOEXEC, 0600);
	IT_OK(fd >= 0);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	update(key_a);
	IT_STR(records(fd), "");
	use_mount(ANOTHER);
	update(key_a);
	IT_STR(records(fd), "A:updated");
	close(fd);
	IT_EQ(kill(another, SIGTERM), 0);
	IT_EQ(it_wait(another), 0);
}

/* The library remembers where in the environment the mount is. */
static void program_may_change_its_environment(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char variable[] = "A=1", *pages, **own, **was;
	int fd;

	IT_EQ(setenv("WQFS_TEST_BEFORE", "1", 1), 0);
	IT_EQ(unsetenv("WQFS_MOUNT"), 0); /* which is put behind the other */
	set_up();
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key_a, 1), 0);
	update(key_a);
	IT_STR(records(fd), "A:updated");
	IT_EQ(unsetenv("WQFS_TEST_BEFORE"), 0); /* it moves forward */
	update(key_a);
	IT_STR(records(fd), "A:updated");
	for (int i = 0; i < 50; i++) { /* the array is replaced */
		char name[32];

		snprintf(name, sizeof(name), "WQFS_TEST_%d", i);
		IT_EQ(setenv(name, "1", 1), 0);
		update(key_a);
		IT_STR(records(fd), "A:updated");
	}
	was = environ;
	/* nothing may be read behind an array that is shorter than the one before */
	pages = mmap(
		NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	IT_OK(pages != MAP_FAILED);
	IT_EQ(mprotect(pages + page, page, PROT_NONE), 0);
	own = (char **)(void *)(pages + page) - 3;
	own[0] = variable;
	own[1] = getenv("WQFS_MOUNT") - strlen("WQFS_MOUNT=");
	environ = own;
	update(key_a);
	IT_STR(records(fd), "A:updated");
	own[0] = NULL; /* it is empty now */
	update(key_a);
	own[0] = own[1], own[1] = NULL;
	update(key_a);
	IT_STR(records(fd), "A:updated");
	environ = NULL;
	update(key_a);
	IT_STR(records(fd), "");
	environ = was;
}

static const struct it_test tests[] = {
	{"the board shows what is watched", board_shows_what_is_watched},
	{"nobody can write to it", nobody_can_write_to_it},
	{"it is void when the daemon has ended", it_is_void_when_the_daemon_has_ended},
	{"it is void when the daemon was killed", it_is_void_when_the_daemon_was_killed},
	{"what nobody watches is not reported", what_nobody_watches_is_not_reported},
	{"a watch that stands gets the report", watch_that_stands_gets_the_report},
	{"a child that closes all descriptors reports", child_that_closes_all_reports},
	{"a program reports to the mount that follows",
		program_reports_to_the_mount_that_follows},
	{"a program reports to the mount that follows one that was killed",
		program_reports_to_the_mount_that_follows_one_that_was_killed},
	{"the end of a life is reported of any key", end_of_a_life_is_reported_of_any_key},
	{"add_key() reports the update of a key that may not be searched",
		update_of_a_key_that_may_not_be_searched},
	{"add_key() reports the update of a key that has expired",
		update_of_a_key_that_has_expired},
	{"what only reads does not wait for the daemon", reading_does_not_ask_the_daemon},
	{"a daemon under wqrun on its own mount does not ask itself",
		daemon_under_wqrun_does_not_ask_itself},
	{"a board that somebody else made is none", board_of_somebody_else_is_none},
	{"a program reports to the mount that its environment names",
		program_reports_to_the_mount_that_its_environment_names},
	{"a program may change its environment", program_may_change_its_environment},
};

IT_MAIN(tests)
