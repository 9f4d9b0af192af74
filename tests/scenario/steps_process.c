/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps that run other steps: as somebody else, elsewhere, later, or many times. */
#include <errno.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../slowness.h"
#include "base/clock.h"
#include "base/unused.h"
#include "run.h"

#define MESSAGE_MAX 65536
#define AWAIT_MS    (5000 * test_patience())

static void nap_ms(long ms)
{
	const struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

/* A child that does not outlive this process; what is buffered is printed once only. */
static pid_t fork_child(struct sc_run *run)
{
	pid_t pid;

	fflush(run->out);
	pid = fork();
	if (pid < 0)
		sc_die("fork: %s", strerror(errno));
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void reap(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		sc_die("%s did not end well", what);
}

static uint64_t told(const struct sc_world *world)
{
	uint64_t sum = 0;

	if (sc_system_keeps_step(world->sys))
		return 0;
	for (int i = 0; i < world->nr_queues; i++)
		if (world->queues[i].name[0] && world->queues[i].fd[0] >= 0)
			sum += sc_system_learned(world->sys, world->queues[i].fd[0]);
	return sum;
}

/* What is repeated is taken to be an event each time, for one queue or more. */
static void await_told(const struct sc_world *world, uint64_t wanted)
{
	const uint64_t end_ns = wq_now_ns() + (uint64_t)AWAIT_MS * WQ_NSEC_PER_MSEC;

	if (sc_system_keeps_step(world->sys))
		return;
	while (wq_now_ns() < end_ns && told(world) < wanted)
		nap_ms(1);
}

/* Writes N where a word of a repeated step is "%". */
static void number_words(char *number, size_t size, int n, int c, char **from, char **to)
{
	snprintf(number, size, "%d", n);
	for (int i = 0; i < c; i++)
		to[i] = strcmp(from[i], "%") ? from[i] : number;
}

/* repeat N STEP: says only how often it succeeded; a word "%" is the number of the turn */
static long do_repeat(struct sc_run *run, int c, char **v)
{
	struct sc_run quiet = {.world = run->world, .out = fopen("/dev/null", "we")};
	uint64_t before = told(run->world);
	int n = atoi(v[1]), ok = 0;
	char number[16], *words[SC_WORDS_MAX];

	if (!quiet.out)
		sc_die("/dev/null: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		number_words(number, sizeof(number), i, c - 2, v + 2, words);
		ok += sc_step(&quiet, c - 2, words) >= 0;
	}
	fclose(quiet.out);
	await_told(run->world, before + (uint64_t)ok);
	fprintf(run->out, "= %d of %d\n", ok, n);
	return SC_SHOWN;
}

/* ---- as another user, with another limit ---- */

unsigned long sc_user(const struct sc_run *run, const char *word)
{
	unsigned long u = strtoul(word, NULL, 0);

	return u == SC_USER && run->world->user ? run->world->user : u;
}

static void become(uid_t u)
{
	if (setresgid(u, u, u) || setresuid(u, u, u))
		sc_die("cannot become user %u: %s", u, strerror(errno));
	/* A change of user clears it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void copy_output(int fd, FILE *out)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, out);
}

/* as UID STEP */
static long do_as(struct sc_run *run, int c, char **v)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		sc_die("pipe: %s", strerror(errno));
	pid = fork_child(run);
	if (pid == 0) {
		struct sc_run child = {.world = run->world, .out = fdopen(fds[1], "w")};

		become((uid_t)sc_user(run, v[1]));
		sc_step(&child, c - 2, v + 2);
		fflush(child.out);
		_exit(0);
	}
	close(fds[1]);
	copy_output(fds[0], run->out);
	close(fds[0]);
	reap(pid, "the step as another user");
	return SC_SHOWN;
}

/* limit FILES STEP: with that RLIMIT_NOFILE, which bounds watches as well */
static long do_limit(struct sc_run *run, int c, char **v)
{
	struct rlimit old, new;

	if (getrlimit(RLIMIT_NOFILE, &old) < 0)
		sc_die("getrlimit: %s", strerror(errno));
	new = old;
	new.rlim_cur = strtoul(v[1], NULL, 0);
	if (setrlimit(RLIMIT_NOFILE, &new) < 0)
		sc_die("setrlimit: %s", strerror(errno));
	sc_step(run, c - 2, v + 2);
	setrlimit(RLIMIT_NOFILE, &old);
	return SC_SHOWN;
}

/* ---- in another session ---- */

static void run_message(struct sc_run *parent, int sock, char *message)
{
	struct sc_run run = {.world = parent->world};
	char *words[SC_WORDS_MAX], *text = NULL;
	size_t size = 0;

	run.out = open_memstream(&text, &size);
	if (!run.out)
		sc_die("no memory");
	sc_step(&run, sc_split(message, words), words);
	fclose(run.out);
	if (send(sock, text, size, 0) < 0)
		sc_die("session: %s", strerror(errno));
	free(text);
}

_Noreturn static void serve_session(struct sc_run *run, int sock)
{
	static char message[MESSAGE_MAX];
	long r = sc_keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
	ssize_t n;

	if (r < 0)
		sc_die("cannot join a session: %s", strerror((int)-r));
	while ((n = recv(sock, message, sizeof(message) - 1, 0)) > 0) {
		message[n] = 0;
		run_message(run, sock, message);
	}
	_exit(0);
}

static struct sc_session *session_named(struct sc_world *world, const char *name)
{
	for (int i = 0; i < SC_SESSIONS_MAX; i++)
		if (!strcmp(world->sessions[i].name, name))
			return &world->sessions[i];
	return NULL;
}

/* The other sessions are not this child's: it must not keep them from ending. */
static void leave_to_parent(struct sc_world *world)
{
	for (int i = 0; i < SC_SESSIONS_MAX; i++)
		if (world->sessions[i].name[0])
			close(world->sessions[i].sock);
}

/* session NAME: a process with a new session; it has the queues made before */
static long do_session(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	struct sc_session *s = session_named(run->world, "");
	int socks[2];

	if (!s)
		sc_die("more than %d sessions", SC_SESSIONS_MAX);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0)
		sc_die("socketpair: %s", strerror(errno));
	s->pid = fork_child(run);
	if (s->pid == 0) {
		close(socks[0]);
		leave_to_parent(run->world);
		serve_session(run, socks[1]);
	}
	close(socks[1]);
	s->sock = socks[0];
	snprintf(s->name, sizeof(s->name), "%s", v[1]);
	return 0;
}

/* in SESSION STEP */
static long do_in(struct sc_run *run, int c, char **v)
{
	static char message[MESSAGE_MAX];
	struct sc_session *s = session_named(run->world, v[1]);
	size_t len = 0;
	ssize_t n;

	if (!s)
		sc_die("no session %s", v[1]);
	for (int i = 2; i < c; i++)
		len += (size_t)snprintf(message + len, sizeof(message) - len, "%s ", v[i]);
	n = send(s->sock, message, len, 0);
	if (n > 0)
		n = recv(s->sock, message, sizeof(message), 0);
	if (n <= 0)
		sc_die("session %s has ended", v[1]);
	fwrite(message, 1, (size_t)n, run->out);
	return SC_SHOWN;
}

void sc_session_end(struct sc_session *s)
{
	close(s->sock);
	reap(s->pid, s->name);
	s->name[0] = 0;
}

/* leave SESSION: its process ends */
static long do_leave(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	struct sc_session *s = session_named(run->world, v[1]);

	if (!s)
		sc_die("no session %s", v[1]);
	sc_session_end(s);
	sc_changed(run, NULL);
	return 0;
}

/* ---- beside the others ---- */

static struct sc_task *task_named(struct sc_world *world, const char *name)
{
	for (int i = 0; i < SC_TASKS_MAX; i++)
		if (!strcmp(world->tasks[i].name, name))
			return &world->tasks[i];
	sc_die("no task %s", name[0] ? name : "is free");
}

static void *run_task(void *arg)
{
	struct sc_task *t = arg;
	struct sc_run run = {.world = t->world, .out = open_memstream(&t->text, &t->size)};

	if (!run.out)
		sc_die("no memory");
	sc_step(&run, t->words, t->word);
	fclose(run.out);
	t->ended = 1;
	return NULL;
}

/* start TASK STEP */
static long do_start(struct sc_run *run, int c, char **v)
{
	struct sc_task *t = task_named(run->world, "");

	snprintf(t->name, sizeof(t->name), "%s", v[1]);
	t->world = run->world;
	t->ended = 0;
	t->words = c - 2;
	for (int i = 0; i < t->words; i++)
		t->word[i] = strdup(v[i + 2]);
	return -pthread_create(&t->thread, NULL, run_task, t);
}

/* running TASK: whether it has still not ended a while later, so that it seems blocked */
static long do_running(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	struct sc_task *t = task_named(run->world, v[1]);

	for (int ms = 0; ms < 300 && !t->ended; ms += 10)
		nap_ms(10);
	return !t->ended;
}

/* Waits for the end of a thread, if the scenario is patient, and else for that long. */
static int join_task(const struct sc_world *world, const struct sc_task *t)
{
	struct timespec until;

	if (!world->patience_ms)
		return pthread_join(t->thread, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1 + world->patience_ms / 1000;
	return pthread_timedjoin_np(t->thread, NULL, &until);
}

/* wait TASK: prints what it printed */
static long do_wait(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	struct sc_task *t = task_named(run->world, v[1]);
	int r = join_task(run->world, t);

	t->left = r != 0;
	if (r)
		return -r;
	fwrite(t->text, 1, t->size, run->out);
	free(t->text);
	for (int i = 0; i < t->words; i++)
		free(t->word[i]);
	t->name[0] = 0;
	return SC_SHOWN;
}

/* ---- many at once ---- */

/* How far ahead of the reader the writers of "churn" may be: less than a full ring. */
#define AHEAD_MAX 128

struct churn {
	_Atomic long begun; /* updates */
	_Atomic long read;  /* records, or -1: nobody reads */
	_Atomic long failed;
};

struct counts {
	long loss, other;
	long of[256]; /* UPDATED by watch id */
};

static void churn_writer(
	struct sc_run *run, struct churn *shared, const char *prefix, int keys, int times)
{
	char name[SC_KEY_NAME_MAX];

	for (int i = 0; i < times; i++) {
		while (shared->read >= 0 && shared->begun - shared->read >= AHEAD_MAX)
			nap_ms(1);
		shared->begun++;
		snprintf(name, sizeof(name), "%s%d", prefix, i % keys);
		if (sc_change(run, KEYCTL_UPDATE, "kpn",
			    (unsigned long)sc_names_serial(run->world->names, name),
			    (unsigned long)&i, sizeof(i), 0) < 0)
			shared->failed++;
	}
}

/* Returns the number of records that are no LOSS. */
static long count_records(struct counts *counts, const unsigned char *buf, size_t len)
{
	struct watch_notification n;
	long records = 0;

	for (size_t size; len >= sizeof(n); buf += size, len -= size) {
		memcpy(&n, buf, sizeof(n));
		size = n.info & WATCH_INFO_LENGTH;
		if (size < sizeof(n) || size > len)
			sc_die("a read ended inside a record");
		records++;
		if (n.type == WATCH_TYPE_KEY_NOTIFY && n.subtype == NOTIFY_KEY_UPDATED) {
			counts->of[(n.info & WATCH_INFO_ID) >> WATCH_INFO_ID__SHIFT]++;
		} else if (n.type == WATCH_TYPE_META &&
			   n.subtype == WATCH_META_LOSS_NOTIFICATION) {
			counts->loss++;
			records--;
		} else {
			counts->other++;
		}
	}
	return records;
}

/* Reads until TOTAL records came, or none for some seconds, but perhaps LOSS after LOSS. Who
 * still writes then waits for nobody. */
static void churn_read(struct churn *shared, int fd, long total, struct counts *counts)
{
	unsigned char buf[4096];

	for (int idle = 0; shared->read < total && idle < 10000; idle++) {
		ssize_t n = read(fd, buf, sizeof(buf));
		long records = n > 0 ? count_records(counts, buf, (size_t)n) : 0;

		if (records) {
			shared->read += records;
			idle = 0;
		} else {
			nap_ms(1);
		}
	}
	shared->read = -1;
}

static void print_counts(struct sc_run *run, const struct counts *counts, int keys)
{
	for (int i = 0; i < keys; i++)
		fprintf(run->out, "  id=%d UPDATED x%ld\n", i, counts->of[i]);
	fprintf(run->out, "  LOSS x%ld, others x%ld\n", counts->loss, counts->other);
}

/* churn PROCESSES TIMES KEYS PREFIX [QUEUE]: so many processes at once update the keys
 * that addmany made, in turn, so many times each. With QUEUE their events are read
 * meanwhile, no faster than they come and never so slowly that one is lost, and counted. */
static long do_churn(struct sc_run *run, int c, char **v)
{
	int processes = atoi(v[1]), times = atoi(v[2]), keys = atoi(v[3]), end;
	struct churn *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct counts counts = {0};
	pid_t pids[16];
	long failed;

	if (shared == MAP_FAILED || processes > 16 || keys > 256)
		sc_die("churn: too much of something");
	shared->read = c > 5 ? 0 : -1;
	for (int i = 0; i < processes; i++) {
		pids[i] = fork_child(run);
		if (pids[i] == 0) {
			churn_writer(run, shared, v[4], keys, times);
			_exit(0);
		}
	}
	if (c > 5)
		churn_read(shared, sc_queue_named(run->world, v[5], &end)->fd[0],
			(long)processes * times, &counts);
	for (int i = 0; i < processes; i++)
		reap(pids[i], "a process that updates keys");
	failed = shared->failed;
	munmap(shared, sizeof(*shared));
	fprintf(run->out, "= %ld of %ld\n", (long)processes * times - failed,
		(long)processes * times);
	if (c > 5)
		print_counts(run, &counts, keys);
	return SC_SHOWN;
}

/* watchmany QUEUE N PREFIX: the keys that addmany made, with ids 0, 1, ... */
static long do_watchmany(struct sc_run *run, int c WQ_UNUSED, char **v)
{
	int n = atoi(v[2]), end, fd = sc_queue_named(run->world, v[1], &end)->fd[0];
	char name[SC_KEY_NAME_MAX];

	for (int i = 0; i < n; i++) {
		long r;

		snprintf(name, sizeof(name), "%s%d", v[3], i);
		r = sc_system_watch(
			run->world->sys, fd, sc_names_serial(run->world->names, name), i);
		if (r < 0)
			return r;
	}
	return n;
}

const struct sc_step sc_process_steps[] = {
	{"repeat", 3, do_repeat},
	{"as", 3, do_as},
	{"limit", 3, do_limit},
	{"session", 2, do_session},
	{"in", 3, do_in},
	{"leave", 2, do_leave},
	{"start", 3, do_start},
	{"running", 2, do_running},
	{"wait", 2, do_wait},
	{"churn", 5, do_churn},
	{"watchmany", 4, do_watchmany},
	{0},
};
