/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bystander.h"
#include "lib.h"

/* With sanitizers the limit only finds what hangs. */
#if IT_SANITIZED
#define SLOWER	4
#define SAMPLES 250
#else
#define SLOWER	1
#define SAMPLES 1000
#endif
#define ENOUGH_NS \
	6000000000ull /* a flood whose calls wait so long need not be measured further */
#define LIMIT_NS 20000000ull
#define SLICE_NS 2000000ull /* the most that the daemon does before it looks for requests */
#define FLOOR	 4
/* One process fills a buffer of the trace in that time on a machine with two CPUs (wqfs(8)). */
#define BUFFER_NS 333000000ull

/* What the daemon did during the last flood. */
static struct {
	uint64_t took, ran, waited;
} flooded_daemon;

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct times_on_cpu {
	uint64_t ran, waited; /* for a CPU; 0 where the kernel does not count it */
};

static struct times_on_cpu on_cpu(pid_t pid)
{
	unsigned long long ran, waited;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	if (sscanf(it_text(path), "%llu %llu", &ran, &waited) != 2)
		return (struct times_on_cpu){0, 0};
	return (struct times_on_cpu){ran, waited};
}

struct asking {
	void (*ask)(void);
	pid_t who; /* answers */
	unsigned int pause_ms;
};

/* How long A's question takes, without the time for which we waited for a CPU while who answers
 * did not run either. */
static uint64_t time_of(const struct asking *a)
{
	struct times_on_cpu other = on_cpu(a->who), self = on_cpu(getpid());
	uint64_t began = wq_now_ns(), took, waited, by_other;

	a->ask();
	took = wq_now_ns() - began;
	waited = on_cpu(getpid()).waited - self.waited;
	by_other = on_cpu(a->who).ran - other.ran;
	waited -= by_other < waited ? by_other : waited;
	return took > waited ? took - waited : 0;
}

void bystander_stat(void)
{
	struct stat st;

	IT_EQ(stat(IT_MNT "/bystander", &st), 0);
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

struct times {
	uint64_t p50, p99;
};

static void spin(void)
{
	for (volatile int i = 0; i < 1000; i++)
		;
}

/* ---- a process that is as busy as a daemon may be ---- */

static int questions[2], answers[2];

static _Noreturn void work_and_answer(void)
{
	uint64_t slice_ends;
	char c;

	for (;;) {
		slice_ends = wq_now_ns() + SLICE_NS;
		while (wq_now_ns() < slice_ends)
			spin();
		while (read(questions[0], &c, 1) == 1)
			IT_EQ(write(answers[1], &c, 1), 1);
	}
}

static void ask_busy(void)
{
	char c = 0;

	IT_EQ(write(questions[1], &c, 1), 1);
	IT_EQ(read(answers[0], &c, 1), 1);
}

static pid_t start_busy(void)
{
	pid_t pid;

	IT_EQ(pipe2(questions, O_CLOEXEC | O_NONBLOCK), 0);
	IT_EQ(pipe2(answers, O_CLOEXEC), 0);
	pid = it_fork();
	if (pid == 0)
		work_and_answer();
	return pid;
}

static void end_busy(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	IT_OK(it_wait(pid) <= 0);
	for (int i = 0; i < 2; i++) {
		close(questions[i]);
		close(answers[i]);
	}
}

/* ---- measuring ---- */

static void note_daemon(uint64_t began_ns, const struct times_on_cpu *before)
{
	const struct times_on_cpu now = on_cpu(it_daemon());

	flooded_daemon.took = wq_now_ns() - began_ns;
	flooded_daemon.ran = now.ran - before->ran;
	flooded_daemon.waited = now.waited - before->waited;
}

/* Measures while another process calls FLOOD again and again. FLOOD may end that process. */
static struct times measure(const char *what, const struct asking *a, void (*flood)(void))
{
	static uint64_t took[SAMPLES];
	const struct times_on_cpu daemon = on_cpu(it_daemon());
	const uint64_t began = wq_now_ns(), end = began + ENOUGH_NS;
	/* the rest is measured twice */
	const size_t enough = flood == spin ? SAMPLES / 2 : SAMPLES;
	pid_t pid = it_fork();
	size_t n = 0;

	while (pid == 0)
		flood();
	do {
		nanosleep(&(struct timespec){0, (long)a->pause_ms * 1000000}, NULL);
		took[n++] = time_of(a);
	} while (n < enough && wq_now_ns() < end && it_state(pid) != 'Z');
	(void)kill(pid, SIGKILL);
	IT_OK(it_wait(pid) <= 0);
	if (flood != spin)
		note_daemon(began, &daemon);
	qsort(took, n, sizeof(*took), by_size);
	printf("# %s: %zu answers, p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", what, n,
		ms(took[n / 2]), ms(took[n * 99 / 100]), ms(took[n - 1]));
	fflush(stdout);
	return (struct times){took[n / 2], took[n * 99 / 100]};
}

/* Waits until the daemon has done what the flood has left to it. False: it goes on and on, and
 * what it does for the flood would pass for the floor. */
static bool becomes_idle(void)
{
	const struct timespec pause = {0, 20000000};
	uint64_t ran, end = wq_now_ns() + ENOUGH_NS;

	do {
		ran = on_cpu(it_daemon()).ran;
		nanosleep(&pause, NULL);
		if (on_cpu(it_daemon()).ran - ran <= 1000000)
			return true;
	} while (wq_now_ns() < end);
	return false;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* How the busy process answers while another spins. */
static struct times measure_floor(const char *what)
{
	const struct asking a = {ask_busy, start_busy(), 1};
	const struct times floor = measure(what, &a, spin);

	end_busy(a.who);
	return floor;
}

void bystander_is_answered(void (*ask)(void), void (*flood)(void))
{
	const struct asking a = {ask, it_daemon(), 1};
	uint64_t floor = measure_floor("floor").p99, limit;
	const struct times flooded = measure("flooded", &a, flood);

	if (becomes_idle())
		floor = larger(floor, measure_floor("floor again").p99);
	limit = SLOWER * larger(LIMIT_NS, FLOOR * floor);
	IT_OK(flooded.p99 < limit);
}

void bystander_is_served(void (*flood)(void))
{
	bystander_is_answered(bystander_stat, flood);
}

void bystander_waits_little_longer(
	void (*ask)(void), unsigned int pause_ms, void (*flood)(void))
{
	const struct asking a = {ask, it_daemon(), pause_ms};
	uint64_t rest = measure("at rest", &a, spin).p50;
	const struct times flooded = measure("flooded", &a, flood);

	if (becomes_idle())
		rest = larger(rest, measure("at rest again", &a, spin).p50);
	IT_OK(flooded.p50 < SLOWER * (LIMIT_NS + 2 * rest));
}

bool bystander_left_daemon_idle(void)
{
	const uint64_t busy = flooded_daemon.ran + flooded_daemon.waited;

	printf("# the daemon ran for %.0f ms of %.0f, and waited for a CPU for %.0f ms\n",
		ms(flooded_daemon.ran), ms(flooded_daemon.took), ms(flooded_daemon.waited));
	fflush(stdout);
	return flooded_daemon.waited < BUFFER_NS / 2 && busy < flooded_daemon.took / 4 * 3;
}

void bystander_trace_ends(void)
{
	static const char said[] =
		"wqfs: the trace buffer overflowed: LOSS, and a scan of all keys\n";
	const char *text;

	IT_EQ(kill(it_daemon(), SIGTERM), 0);
	IT_EQ(it_wait(it_daemon()), 0);
	for (text = it_text(IT_OUT); !strncmp(text, said, strlen(said)); text += strlen(said))
		;
	if (strlen(text) >= strlen(said)) /* else the text was cut off */
		IT_STR(text, "");
	_exit(0);
}
