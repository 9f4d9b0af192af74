/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a post costs in the process that posts: a record for one queue and for many, one that a
 * filter refuses, and the reading of it. Needs no mount and no keys.
 *
 *	posting [RECORDS]
 */
#include <linux/watch_queue.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "queue.h"

#define OBJECT 1
#define SIZE   256
#define MANY   100

static int records = 1000000;

static void release(struct wq_watch *watch)
{
	free(watch);
}

static struct wq_queue *watching(struct wq_watch_list *list)
{
	struct wq_queue *queue = wq_queue_new(NULL, NULL, NULL);
	struct wq_watch *watch = malloc(sizeof(*watch));

	if (!queue || !watch || wq_queue_set_size(queue, SIZE) < 0)
		bench_fail("a queue");
	wq_watch_init(watch, queue);
	watch->id = OBJECT;
	if (wq_watch_add(watch, list) < 0)
		bench_fail("a watch");
	return queue;
}

static void drain(struct wq_queue *queue)
{
	char buf[SIZE * 16];
	struct wq_take take;

	if (wq_queue_peek(queue, WQFS_FORMAT_RAW, buf, sizeof(buf), &take) > 0)
		wq_queue_consume(queue, &take);
}

/* Nanoseconds for a record and queue: of the post, and with DRAINS of reading it, too. */
static double post(int nqueues, bool refused)
{
	const struct watch_notification n = {
		.type = WATCH_TYPE_KEY_NOTIFY,
		.subtype = 2,
		.info = 16,
	};
	struct wq_queue *queues[MANY];
	struct wq_watch_list list;
	uint64_t spent = 0;
	struct {
		struct watch_notification n;
		uint32_t key, aux;
	} record = {.n = n};
	static const struct {
		struct watch_notification_filter head;
		struct watch_notification_type_filter rule;
	} nothing = {{.nr_filters = 1}, {.type = WATCH_TYPE_KEY_NOTIFY}};
	struct wq_filter filter;

	wq_watch_list_init(&list, release);
	for (int i = 0; i < nqueues; i++) {
		queues[i] = watching(&list);
		if (refused) {
			if (wq_filter_parse(&filter, &nothing, sizeof(nothing)) < 0 ||
				wq_queue_set_filter(queues[i], &filter) < 0)
				bench_fail("a filter");
		}
	}
	for (int done = 0; done < records / nqueues; done += SIZE) {
		uint64_t began = wq_now_ns();

		for (int i = 0; i < SIZE; i++)
			wq_post(&list, &record.n, NULL, OBJECT, UINT64_MAX);
		spent += wq_now_ns() - began;
		for (int i = 0; i < nqueues; i++)
			drain(queues[i]);
	}
	for (int i = 0; i < nqueues; i++)
		wq_queue_put(queues[i]);
	return (double)spent / ((records / nqueues + SIZE - 1) / SIZE * SIZE) / nqueues;
}

int main(int argc, char **argv)
{
	double one, many, refused;

	if (argc > 1)
		records = atoi(argv[1]);
	one = post(1, false);
	many = post(MANY, false);
	refused = post(MANY, true);
	printf("a record for one queue %.0f ns, for each of %d queues %.0f ns; one that a "
	       "filter "
	       "refuses %.0f ns\n",
		one, MANY, many, refused);
	bench_row("7 a record for one queue", one, "ns", 0, 100);
	bench_row("7 a record for each of 100 queues", many, "ns", 0, 100);
	bench_row("7 a record that a filter refuses", refused, "ns", 0, 30);
	return 0;
}
