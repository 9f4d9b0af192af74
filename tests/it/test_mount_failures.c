/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a mount fails, one line says what and why, and the exit status shows it. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib.h"

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

#define SAID "failure.out"

/* Runs the daemon with OPTIONS on MOUNTPOINT, in the background if possible. It must fail with
 * one line that begins with its own name and contains WHY; and, if the mount point is missing,
 * with a second line that says where to read more. */
static void fails(const char *options, const char *mountpoint, const char *why)
{
	const char **from = it_daemon_argv(options), *argv[32];
	const char *said;
	size_t n = 0;
	int status;

	for (size_t i = 0; from[i]; i++)
		if (strcmp(from[i], "-f") && strcmp(from[i], IT_MNT))
			argv[n++] = from[i];
	argv[n++] = mountpoint;
	argv[n] = NULL;
	status = it_run(argv, SAID);
	said = it_text(SAID);
	if (status < 1 || status > 2 || lines(said) != (mountpoint ? 1 : 2) ||
		!strstr(said, why) || strncmp(said, "wqfs: ", 6))
		IT_FAIL("-o %s %s ends with %d and says: %s", options ? options : "",
			mountpoint ? mountpoint : "", status, said);
}

static void must_fail(const char *options, const char *mountpoint, const char *why)
{
	fails(options, mountpoint, why);
	IT_OK(it_unmounted());
}

static void second_wqfs_on_a_mount_is_told_of_the_first(void *arg)
{
	char why[256];

	snprintf(why, sizeof(why),
		IT_MNT
		": a wqfs of user %u's is mounted there already (fusermount3 -u unmounts it)",
		*(uid_t *)arg);
	fails(NULL, IT_MNT, why);
}

static void mount_over_a_live_wqfs_is_refused(void)
{
	uid_t uid = geteuid();

	it_start(NULL);
	second_wqfs_on_a_mount_is_told_of_the_first(&uid);
	close(it_queue("q", O_RDONLY)); /* the first mount still works */
}

static void mount_over_ones_own_live_wqfs_is_refused(void)
{
	uid_t uid = it_nobody();

	it_device_mode(0666);
	it_become(uid);
	it_start(NULL);
	second_wqfs_on_a_mount_is_told_of_the_first(&uid);
}

/* Root is kept out of a user's mount as anybody else, and gets the same message. */
static void root_is_told_of_a_users_wqfs(void)
{
	uid_t uid = it_nobody();
	pid_t user;
	int up[2];

	it_device_mode(0666);
	IT_EQ(pipe(up), 0);
	user = it_fork();
	if (user == 0) {
		it_become(uid);
		it_start(NULL);
		IT_EQ(write(up[1], "", 1), 1);
		for (;;)
			pause();
	}
	close(up[1]);
	if (read(up[0], &(char){0}, 1) != 1)
		it_join(user);
	second_wqfs_on_a_mount_is_told_of_the_first(&uid);
	IT_EQ(kill(user, SIGKILL), 0);
	IT_EQ(it_wait(user), -SIGKILL);
}

/* As the seccomp filters of containers do. */
static void deny_keyctl(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_keyctl, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_SIZE(code), code};

	IT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	IT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void daemon_that_may_not_ask_about_keys_does_not_mount(void)
{
	it_need_root(); /* without new privileges fusermount3 does not work */
	deny_keyctl();
	must_fail(NULL, IT_MNT, "cannot start: keyctl() fails (Operation not permitted)");
}

static void mount_points_that_are_none_are_named(void)
{
	close(open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	must_fail(NULL, "file", "file: ");
	must_fail(NULL, "missing", "missing: No such file or directory");
	must_fail(NULL, "missing/below", "missing/below: No such file or directory");
	must_fail(NULL, "file/below", "file/below: Not a directory");
	must_fail(NULL, NULL,
		"wqfs: missing mount point\nTry 'wqfs --help' for more information.\n");
}

static void user_without_the_device_is_told(void)
{
	uid_t uid = it_nobody();

	it_device_mode(0600);
	it_become(uid);
	must_fail(NULL, IT_MNT, "/dev/fuse");
	must_fail(NULL, IT_MNT, "Permission denied");
}

static void user_cannot_mount_on_roots_directory(void)
{
	uid_t uid = it_nobody();

	IT_EQ(mkdir("roots", 0755), 0);
	it_device_mode(0666);
	it_become(uid);
	must_fail(NULL, "roots", "roots");
}

static void wrong_options_are_named(void)
{
	static const struct {
		const char *options, *why;
	} cases[] = {
		{"colour=red", "colour=red"},
		{"default_size=0", "invalid value for default_size: '0'"},
		{"default_size=513", "invalid value for default_size: '513'"},
		{"max_size=0", "invalid value for max_size: '0'"},
		{"max_size=10000000", "invalid value for max_size: '10000000'"},
		{"max_read=100", "invalid value for max_read: '100'"},
		{"cpu_budget=0", "invalid value for cpu_budget: '0'"},
		{"cpu_budget=101%", "invalid value for cpu_budget: '101%'"},
		{"cpu_budget=much", "invalid value for cpu_budget: 'much'"},
		{"poll_min_ms=0", "invalid value for poll_min_ms: '0'"},
		{"poll_min_ms=2000", "invalid value for poll_min_ms: '2000'"},
		{"poll_max_ms=9999999", "invalid value for poll_max_ms: '9999999'"},
		{"poll_max_ms=soon", "invalid number for poll_max_ms: 'soon'"},
		{"default_size=32k", "invalid number for default_size: '32k'"},
		{"x-mount.mkdir=0799", "invalid mode for x-mount.mkdir: '0799'"},
		{"max_queues=-1", "invalid number for max_queues: '-1'"},
		{"max_queues=4294967296", "invalid number for max_queues: '4294967296'"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		must_fail(cases[i].options, IT_MNT, cases[i].why);
}

static void users_may_not_raise_max_size(void)
{
	uid_t uid = it_nobody();

	it_become(uid);
	must_fail("max_size=1024", IT_MNT, "invalid value for max_size: '1024'");
}

static void fstab_form_mounts(void)
{
	const char **from = it_daemon_argv("default_size=64"), *argv[32];
	char mounts[65536];
	pid_t daemon;
	size_t n = 0;
	ssize_t len;
	int fd;

	it_stop(it_start(NULL)); /* skips where nothing can be mounted */
	from = it_daemon_argv("default_size=64");
	for (size_t i = 0; from[i]; i++) {
		if (!strcmp(from[i], IT_MNT))
			argv[n++] = "my,queues";
		argv[n++] = from[i];
	}
	argv[n] = NULL;
	daemon = it_spawn(argv, IT_OUT);
	IT_UNTIL(it_mounted());
	fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	len = read(fd, mounts, sizeof(mounts) - 1);
	close(fd);
	IT_OK(len > 0);
	mounts[len] = '\0';
	IT_OK(strstr(mounts, "\nmy,queues /"));
	fd = it_queue("q", O_RDONLY);
	IT_EQ(it_stats(fd).size, 64);
	it_stop(daemon);
}

/* ---- at the same moment ---- */

static size_t mounts_here(void)
{
	char mounts[65536], *at = mounts, here[512];
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;
	size_t found = 0;

	IT_OK(getcwd(here, sizeof(here) - sizeof("/" IT_MNT " ")));
	strcat(here, "/" IT_MNT " ");
	while ((n = read(fd, mounts + len, sizeof(mounts) - 1 - (size_t)len)) > 0)
		len += n;
	close(fd);
	mounts[len] = '\0';
	while ((at = strstr(at, here))) {
		found++;
		at++;
	}
	return found;
}

/* Root may not look into a user's mount, which lives all the same. */
static bool mounted_and_alive(void)
{
	struct stat st;

	return mounts_here() > 0 && (stat(IT_MNT, &st) == 0 || errno != ENOTCONN);
}

/* Starts the daemon with the words BEFORE it; its output is in OUT. */
static pid_t starts_by(const char *const before[], const char *out)
{
	const char **daemon = it_daemon_argv("source=poll"), *argv[32];
	size_t n = 0;

	while (*before)
		argv[n++] = *before++;
	while (*daemon)
		argv[n++] = *daemon++;
	argv[n] = NULL;
	return it_spawn(argv, out);
}

/* The first is about to mount, or to unmount a dead one, when the second comes. Returns the
 * first. */
static pid_t one_of_two_mounts(const char *const before[])
{
	pid_t first, second;

	it_need_bare_daemon("what is preloaded would be in it, too");
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
	setenv("LD_PRELOAD", HOLD_MOUNT, 1);
	first = starts_by(before, IT_OUT);
	unsetenv("LD_PRELOAD");
	IT_UNTIL(access("mounting", F_OK) == 0);
	second = starts_by(before, SAID);
	IT_UNTIL(it_in_syscall(second, SYS_clock_nanosleep) || mounted_and_alive());
	close(creat("mount-goes-on", 0600));
	IT_UNTIL(strstr(it_text(SAID), "is mounted there already"));
	IT_EQ(it_wait(second), 1);
	IT_UNTIL(mounted_and_alive());
	IT_EQ(mounts_here(), 1);
	return first;
}

static void of_two_one_mounts(const char *const before[])
{
	it_stop(one_of_two_mounts(before));
}

static void of_two_at_the_same_moment_one_mounts(void)
{
	it_need_root();
	of_two_one_mounts((const char *const[]){NULL});
}

static void of_two_where_a_dead_one_is_one_mounts(void)
{
	pid_t dead, first;

	it_need_root();
	dead = it_spawn(it_daemon_argv("source=poll"), IT_OUT);
	IT_UNTIL(it_mounted());
	IT_EQ(kill(dead, SIGKILL), 0);
	IT_EQ(it_wait(dead), -SIGKILL);
	first = one_of_two_mounts((const char *const[]){NULL});
	it_has_replaced_a_dead_one();
	it_stop(first);
}

/* With the word PLACE of env's about XDG_RUNTIME_DIR. */
static void of_two_of_nobodys_one_mounts(const char *place)
{
	const uid_t uid = it_nobody();
	char reuid[32];

	it_need_way(uid, it_daemon_argv("source=poll")[0]);
	snprintf(reuid, sizeof(reuid), "--reuid=%u", uid);
	IT_EQ(chown(".", uid, (gid_t)-1), 0);
	IT_EQ(chown(IT_MNT, uid, (gid_t)-1), 0);
	it_device_mode(0666);
	of_two_one_mounts((const char *const[]){
		"setpriv", reuid, "env", "--unset=XDG_RUNTIME_DIR", place, NULL});
}

static void of_two_of_a_users_one_mounts(void)
{
	of_two_of_nobodys_one_mounts("XDG_RUNTIME_DIR=.");
}

static void of_two_of_a_user_without_a_place_one_mounts(void)
{
	of_two_of_nobodys_one_mounts("--");
}

/* ---- x-mount.mkdir ---- */

static void missing_mount_point_is_made(void)
{
	const char **from, *argv[32];
	const char *unmount[] = {"fusermount3", "-u", "a/b/c", NULL};
	size_t n = 0;
	struct stat st;

	it_stop(it_start(NULL)); /* skips where nothing can be mounted */
	from = it_daemon_argv("x-mount.mkdir=0700");
	for (size_t i = 0; from[i]; i++)
		if (strcmp(from[i], "-f") != 0)
			argv[n++] = strcmp(from[i], IT_MNT) ? from[i] : "a/b/c";
	argv[n] = NULL;
	IT_EQ(it_run(argv, IT_OUT), 0);
	IT_EQ(it_run(unmount, IT_OUT), 0);
	IT_EQ(stat("a/b", &st), 0);
	IT_EQ(st.st_mode & 07777, 0755);
	IT_EQ(stat("a/b/c", &st), 0);
	IT_EQ(st.st_mode & 07777, 0700);
}

/* mkdir -p fails there. */
static void dead_mount_needs_no_directory(void)
{
	pid_t daemon = it_start("x-mount.mkdir");

	IT_EQ(kill(daemon, SIGKILL), 0);
	IT_EQ(it_wait(daemon), -SIGKILL);
	daemon = it_start("x-mount.mkdir");
	it_has_replaced_a_dead_one();
	it_stop(daemon);
}

static const struct it_test tests[] = {
	{"a missing mount point is made with its mode", missing_mount_point_is_made},
	{"a dead mount needs no directory made", dead_mount_needs_no_directory},
	{"a mount over a live wqfs is refused", mount_over_a_live_wqfs_is_refused},
	{"a mount over one's own live wqfs is refused",
		mount_over_ones_own_live_wqfs_is_refused},
	{"of two that start at the same moment one mounts",
		of_two_at_the_same_moment_one_mounts},
	{"of two that start at the same moment on a dead one one mounts",
		of_two_where_a_dead_one_is_one_mounts},
	{"of two of a user's that start at the same moment one mounts",
		of_two_of_a_users_one_mounts},
	{"of two of a user's without XDG_RUNTIME_DIR, too",
		of_two_of_a_user_without_a_place_one_mounts},
	{"root is told of a user's wqfs", root_is_told_of_a_users_wqfs},
	{"a daemon that may not ask about keys does not mount",
		daemon_that_may_not_ask_about_keys_does_not_mount},
	{"a mount point that is none is named", mount_points_that_are_none_are_named},
	{"a user who may not open /dev/fuse is told", user_without_the_device_is_told},
	{"a user cannot mount on root's directory", user_cannot_mount_on_roots_directory},
	{"wrong options are named", wrong_options_are_named},
	{"users may not raise max_size", users_may_not_raise_max_size},
	{"a source in front of the mount point is shown as such", fstab_form_mounts},
};

IT_MAIN(tests)
