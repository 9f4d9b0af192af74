/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs scenarios and prints what the system did: a step after "> ", its result after
 * "= ". Keys are printed by the scenario's names for them, so two runs compare with
 * diff(1).
 *
 * Each scenario runs in a process and a session keyring of its own, against the kernel's
 * facility or, with -f, a mounted wqfs, which -x starts inside that session: only so may
 * it see what the session's keys hold. Whatever becomes of that process, no mount and no
 * process is left.
 */
#include <errno.h>
#include <linux/keyctl.h>
#include <linux/limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "../slowness.h"
#include "run.h"
#include "upcall.h"

static const char usage[] =
	"usage: scenario [-f DIR [-r|-w] [-x COMMAND]] [-e DIR] [-t SECONDS] [-u UID] SCENARIO...\n"
	"  -f DIR      against the wqfs mounted at DIR, instead of the kernel's facility\n"
	"  -r          tell it each change (WQFS_IOC_REPORT), instead of asking it to scan\n"
	"  -w          neither tell nor ask: wait until what is expected has come\n"
	"  -e DIR      where -w finds what is expected: DIR/SCENARIO.out\n"
	"  -x COMMAND  for each scenario start COMMAND, which mounts DIR, then unmount\n"
	"  -t SECONDS  a scenario that takes longer is ended (120)\n"
	"  -u UID      user 1000 of the scenarios is this one\n";

struct options {
	const char *dir;
	const char *command;
	const char *expected;
	enum sc_learns_by learns_by;
	int seconds;
	uid_t user;
};

static struct sc_expect *load_expected(const struct options *o, const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	char file[PATH_MAX];
	struct sc_expect *e;

	if (!o->expected)
		return NULL;
	snprintf(file, sizeof(file), "%s/%.*s.out", o->expected, (int)strcspn(base, "."), base);
	e = sc_expect_load(file);
	if (!e)
		sc_die("%s: %s", file, strerror(errno));
	return e;
}

/* The process of one scenario. Returns its exit status. */
static int run_scenario(const struct options *o, const char *path)
{
	static struct sc_world world;
	struct sc_daemon daemon;
	long r = sc_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);

	if (r < 0)
		sc_die("cannot join a session keyring: %s", strerror((int)-r));
	world.sys = o->dir ? sc_system_wqfs(o->dir, o->learns_by) : sc_system_native();
	world.expect = load_expected(o, path);
	world.user = o->user;
	world.names = sc_names_new();
	if (!world.names)
		sc_die("no memory");
	if (o->command && sc_daemon_start(&daemon, o->command, o->dir) < 0)
		return 1;
	sc_run_file(&world, path, stdout);
	sc_run_end(&world);
	if (o->command && sc_daemon_stop(&daemon) < 0)
		return 1;
	return 0;
}

static int status_of(int status, const char *path)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "scenario: %s: ended by signal %d\n", path, WTERMSIG(status));
	return 1;
}

/* Waits for PID to end, for a signal to this process, or for the time to be over. Returns
 * the exit status of the scenario, or 128+N if a signal ended it from outside. What is
 * left of its process group is killed. */
static int supervise(pid_t pid, const sigset_t *signals, int seconds, const char *path)
{
	const struct timespec limit = {.tv_sec = (time_t)seconds * test_patience()};
	int status, sig;

	do {
		sig = sigtimedwait(signals, NULL, &limit);
		if (waitpid(pid, &status, WNOHANG) == pid) {
			kill(-pid, SIGKILL);
			return status_of(status, path);
		}
	} while (sig == SIGCHLD || (sig < 0 && errno == EINTR));
	fprintf(stderr, "scenario: %s: %s\n", path, sig < 0 ? "took too long" : "interrupted");
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	return sig < 0 ? 1 : 128 + sig;
}

static int run_guarded(const struct options *o, const char *path)
{
	dev_t below = o->command ? sc_daemon_device(o->dir) : 0;
	sigset_t signals, before;
	int status;
	pid_t pid;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	pid = fork();
	if (pid < 0)
		sc_die("fork: %s", strerror(errno));
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(run_scenario(o, path));
	}
	setpgid(pid, pid);
	status = supervise(pid, &signals, o->seconds, path);
	if (o->command && sc_daemon_sweep(o->dir, below))
		fprintf(stderr, "scenario: %s: was left mounted\n", o->dir);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

static void parse_options(struct options *o, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "f:rwx:e:t:u:h")) != -1)
		switch (opt) {
		case 'f':
			o->dir = optarg;
			break;
		case 'r':
			o->learns_by = SC_LEARNS_BY_REPORT;
			break;
		case 'w':
			o->learns_by = SC_LEARNS_BY_NONE;
			break;
		case 'x':
			o->command = optarg;
			break;
		case 'e':
			o->expected = optarg;
			break;
		case 't':
			o->seconds = atoi(optarg);
			break;
		case 'u':
			o->user = (uid_t)strtoul(optarg, NULL, 10);
			break;
		default:
			fputs(usage, opt == 'h' ? stdout : stderr);
			exit(opt == 'h' ? 0 : 2);
		}
	if (optind == argc || (!o->dir && (o->command || o->learns_by != SC_LEARNS_BY_SYNC)) ||
		(o->learns_by == SC_LEARNS_BY_NONE && !o->expected)) {
		fputs(usage, stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options o = {.learns_by = SC_LEARNS_BY_SYNC, .seconds = 120};
	const char *self = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	int status = 0;

	if (!strcmp(self, "request-key"))
		return sc_upcall(argc, argv);
	parse_options(&o, argc, argv);
	for (int i = optind; i < argc && status < 128; i++) {
		int r = run_guarded(&o, argv[i]);

		fflush(stdout);
		status = r > status ? r : status;
	}
	return status;
}
