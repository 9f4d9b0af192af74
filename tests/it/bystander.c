/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "bystander.h"
#include "lib.h"

#define SAMPLES 1000
#define ENOUGH_NS \
	6000000000ull /* a flood whose calls wait so long need not be measured further */
#define LIMIT_NS 20000000ull
#define FLOOR	 4

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* 0 where the kernel does not count it. */
static uint64_t waited_for_core_ns(void)
{
	unsigned long long ran, waited;

	return sscanf(it_text("/proc/self/schedstat"), "%llu %llu", &ran, &waited) == 2 ? waited
											: 0;
}

uint64_t bystander_asks(void (*ask)(void))
{
	uint64_t waited = waited_for_core_ns(), began = wq_now_ns(), took;

	ask();
	took = wq_now_ns() - began;
	waited = waited_for_core_ns() - waited;
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

struct asking {
	void (*ask)(void);
	unsigned int pause_ms;
};

struct times {
	uint64_t p50, p99;
};

/* Measures while another process calls FLOOD again and again. FLOOD may end that process. */
static struct times measure(const char *what, const struct asking *a, void (*flood)(void))
{
	static uint64_t took[SAMPLES];
	uint64_t end = wq_now_ns() + ENOUGH_NS;
	pid_t pid = it_fork();
	size_t n = 0;

	while (pid == 0)
		flood();
	do {
		nanosleep(&(struct timespec){0, (long)a->pause_ms * 1000000}, NULL);
		took[n++] = bystander_asks(a->ask);
	} while (n < SAMPLES && wq_now_ns() < end && it_state(pid) != 'Z');
	(void)kill(pid, SIGKILL);
	IT_OK(it_wait(pid) <= 0);
	qsort(took, n, sizeof(*took), by_size);
	printf("# %s: %zu answers, p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", what, n,
		ms(took[n / 2]), ms(took[n * 99 / 100]), ms(took[n - 1]));
	fflush(stdout);
	return (struct times){took[n / 2], took[n * 99 / 100]};
}

static void spin(void)
{
	for (volatile int i = 0; i < 1000; i++)
		;
}

/* A sanitizer makes everything several times slower, so there the flood only serves its checks.
 */
static void must_be_less(uint64_t took, uint64_t limit)
{
#ifndef __SANITIZE_ADDRESS__
	IT_OK(took < limit);
#else
	(void)took;
	(void)limit;
#endif
}

void bystander_is_served(void (*flood)(void))
{
	const struct asking a = {bystander_stat, 1};
	struct times rest = measure("at rest", &a, spin),
		     flooded = measure("flooded", &a, flood);

	must_be_less(flooded.p99, LIMIT_NS + FLOOR * rest.p99);
}

void bystander_waits_little_longer(
	void (*ask)(void), unsigned int pause_ms, void (*flood)(void))
{
	const struct asking a = {ask, pause_ms};
	struct times rest = measure("at rest", &a, spin),
		     flooded = measure("flooded", &a, flood);

	must_be_less(flooded.p50, LIMIT_NS + 2 * rest.p50);
}
