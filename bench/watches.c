/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures what a watch costs when many queues watch the same object: adding, finding and
 * removing it. The cost of one should not grow with their number.
 *
 *	watches [FEW [MANY]]
 *
 * Needs no mount and no keys. The last line says how many times as long one of MANY takes as
 * one of FEW.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common.h"
#include "queue.h"

#define OBJECT 1

struct cost {
	double add, find, remove; /* nanoseconds for one watch */
};

static void release(struct wq_watch *watch)
{
	free(watch);
}

static struct wq_watch *new_watch(struct wq_queue *queue)
{
	struct wq_watch *watch = malloc(sizeof(*watch));

	if (!watch)
		bench_fail("watch");
	wq_watch_init(watch, queue);
	watch->id = OBJECT;
	return watch;
}

static void add_all(struct wq_watch_list *list, struct wq_queue **queues, int n)
{
	for (int i = 0; i < n; i++)
		if (wq_watch_add(new_watch(queues[i]), list) < 0)
			bench_fail("wq_watch_add");
}

static void find_all(struct wq_watch_list *list, struct wq_queue **queues, int n)
{
	for (int i = 0; i < n; i++) {
		struct wq_watch asked;

		wq_watch_init(&asked, queues[i]);
		asked.id = OBJECT;
		if (!wq_watch_exists(&asked, list))
			bench_fail("wq_watch_exists");
	}
}

/* In the order in which they were added: the list begins with the last one. */
static void remove_all(struct wq_watch_list *list, struct wq_queue **queues, int n)
{
	for (int i = 0; i < n; i++)
		if (wq_watch_remove(list, queues[i], OBJECT, false) < 0)
			bench_fail("wq_watch_remove");
}

static double timed(void (*act)(struct wq_watch_list *, struct wq_queue **, int),
	struct wq_watch_list *list, struct wq_queue **queues, int n)
{
	uint64_t began = wq_now_ns();

	act(list, queues, n);
	return (double)(wq_now_ns() - began) / n;
}

static struct cost measure(int n)
{
	struct wq_queue **queues = calloc((size_t)n, sizeof(struct wq_queue *));
	struct wq_watch_list list;
	struct cost cost;

	if (!queues)
		bench_fail("queues");
	for (int i = 0; i < n; i++) {
		queues[i] = wq_queue_new(NULL, NULL, NULL);
		if (!queues[i])
			bench_fail("queue");
	}
	wq_watch_list_init(&list, release);
	cost.add = timed(add_all, &list, queues, n);
	cost.find = timed(find_all, &list, queues, n);
	cost.remove = timed(remove_all, &list, queues, n);
	for (int i = 0; i < n; i++)
		wq_queue_put(queues[i]);
	free(queues);
	return cost;
}

int main(int argc, char **argv)
{
	int few = argc > 1 ? atoi(argv[1]) : 1000, many = argc > 2 ? atoi(argv[2]) : 20000;
	struct cost a, b;

	if (few < 1 || many < 1 || argc > 3) {
		fputs("usage: watches [FEW [MANY]]\n", stderr);
		return 2;
	}
	a = measure(few);
	b = measure(many);
	printf("%8s %10s %10s %10s\n", "watches", "add ns", "find ns", "remove ns");
	printf("%8d %10.0f %10.0f %10.0f\n", few, a.add, a.find, a.remove);
	printf("%8d %10.0f %10.0f %10.0f\n", many, b.add, b.find, b.remove);
	printf("%8s %10.1f %10.1f %10.1f\n", "ratio", b.add / a.add, b.find / a.find,
		b.remove / a.remove);
	return 0;
}
