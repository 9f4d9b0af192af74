/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replays scenarios on queue.c and filter.c alone: keys are numbers, and the test posts what
 * the kernel's key code would post. The output must be the golden one, which a real kernel
 * printed.
 */
#include <check.h>
#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/array_size.h"
#include "base/unused.h"
#include "../scenario/text.h"
#include "queue.h"
#include "run.h"

#define NAMES_MAX  16
#define QUEUES_MAX 4

struct object {
	char name[16];
	struct wq_watch_list watchers;
};

/* A serial is the object's index in objects[] plus 4096, so that no small number is one. */
#define FIRST_SERIAL 4096

struct replay {
	FILE *out;
	struct object objects[NAMES_MAX];
	int nr_objects;
	struct {
		char name[16];
		struct wq_queue *queue;
	} queues[QUEUES_MAX];
	int nr_queues;
};

static const struct wq_queue_ops no_ops;

static void release(struct wq_watch *watch)
{
	free(watch);
}

static const char *object_name(void *arg, uint32_t serial)
{
	struct replay *r = arg;

	return serial - FIRST_SERIAL < (uint32_t)r->nr_objects
		       ? r->objects[serial - FIRST_SERIAL].name
		       : "?";
}

static uint32_t new_object(struct replay *r, const char *name)
{
	struct object *o = &r->objects[r->nr_objects];

	ck_assert_int_lt(r->nr_objects, NAMES_MAX);
	snprintf(o->name, sizeof(o->name), "%s", name);
	wq_watch_list_init(&o->watchers, release);
	return FIRST_SERIAL + (uint32_t)r->nr_objects++;
}

static uint32_t serial_of(struct replay *r, const char *name)
{
	for (int i = 0; i < r->nr_objects; i++)
		if (!strcmp(r->objects[i].name, name))
			return FIRST_SERIAL + (uint32_t)i;
	ck_abort_msg("no object %s", name);
}

static struct wq_watch_list *watchers(struct replay *r, uint32_t serial)
{
	return &r->objects[serial - FIRST_SERIAL].watchers;
}

static struct wq_queue *queue_of(struct replay *r, const char *name)
{
	for (int i = 0; i < r->nr_queues; i++)
		if (!strcmp(r->queues[i].name, name))
			return r->queues[i].queue;
	ck_abort_msg("no queue %s", name);
}

static void notify(struct replay *r, uint32_t serial, unsigned int subtype, uint32_t aux)
{
	struct key_notification n = {
		.watch.type = WATCH_TYPE_KEY_NOTIFY,
		.watch.subtype = subtype,
		.watch.info = sizeof(n),
		.key_id = serial,
		.aux = aux,
	};

	ck_assert_int_eq(wq_post(watchers(r, serial), &n.watch, NULL, serial, UINT64_MAX), 0);
}

/* ---- steps: each returns what the system call would, or -errno ---- */

static long do_queue(struct replay *r, int c WQ_UNUSED, char **v)
{
	ck_assert_int_lt(r->nr_queues, QUEUES_MAX);
	snprintf(r->queues[r->nr_queues].name, sizeof(r->queues[0].name), "%s", v[1]);
	r->queues[r->nr_queues].queue = wq_queue_new(&no_ops, NULL, NULL);
	ck_assert_ptr_nonnull(r->queues[r->nr_queues].queue);
	r->nr_queues++;
	return 0;
}

static long do_size(struct replay *r, int c WQ_UNUSED, char **v)
{
	return wq_queue_set_size(queue_of(r, v[1]), strtoul(v[2], NULL, 0));
}

static long do_filter(struct replay *r, int c, char **v)
{
	struct wqfs_filter raw;
	struct wq_filter f;
	int kind = sc_parse_filter(&raw, c - 2, v + 2);
	int err;

	ck_assert_int_ge(kind, 0);
	if (kind == SC_FILTER_BAD_PTR) /* it fails when the filter is copied */
		return -EFAULT;
	if (kind == SC_FILTER_NONE)
		return wq_queue_set_filter(queue_of(r, v[1]), NULL);
	err = wq_filter_parse(&f, &raw, sizeof(raw));
	return err < 0 ? err : wq_queue_set_filter(queue_of(r, v[1]), &f);
}

static long do_watch(struct replay *r, int c WQ_UNUSED, char **v)
{
	struct wq_watch *w = malloc(sizeof(*w));
	uint32_t serial = serial_of(r, v[2]);
	int err;

	ck_assert_ptr_nonnull(w);
	wq_watch_init(w, queue_of(r, v[1]));
	w->id = serial;
	w->info_id = (uint32_t)strtoul(v[3], NULL, 0) << WATCH_INFO_ID__SHIFT;
	err = wq_watch_add(w, watchers(r, serial));
	if (err)
		free(w);
	return err;
}

static long do_unwatch(struct replay *r, int c WQ_UNUSED, char **v)
{
	uint32_t serial = serial_of(r, v[2]);

	return wq_watch_remove(watchers(r, serial), queue_of(r, v[1]), serial, false);
}

static long do_add(struct replay *r, int c WQ_UNUSED, char **v)
{
	notify(r, serial_of(r, v[5]), NOTIFY_KEY_LINKED, new_object(r, v[1]));
	return 0;
}

static long do_update(struct replay *r, int c WQ_UNUSED, char **v)
{
	notify(r, serial_of(r, v[1]), NOTIFY_KEY_UPDATED, 0);
	return 0;
}

static long do_setperm(struct replay *r, int c WQ_UNUSED, char **v)
{
	notify(r, serial_of(r, v[1]), NOTIFY_KEY_SETATTR, 0);
	return 0;
}

static long do_fionread(struct replay *r, int c WQ_UNUSED, char **v)
{
	return (long)wq_queue_bytes(queue_of(r, v[1]), WQFS_FORMAT_RAW);
}

static ssize_t take(struct replay *r, const char *queue, void *buf, size_t size)
{
	struct wq_take t;
	ssize_t n;

	if (size == 0) /* a read() of nothing does not reach the queue */
		return 0;
	n = wq_queue_peek(queue_of(r, queue), WQFS_FORMAT_RAW, buf, size, &t);
	if (n > 0)
		wq_queue_consume(queue_of(r, queue), &t);
	return n;
}

/* ---- steps that print their own result ---- */

static void show_read(struct replay *r, int c WQ_UNUSED, char **v)
{
	unsigned char buf[4096];
	size_t size = strtoul(v[2], NULL, 0);
	ssize_t n;

	ck_assert_uint_le(size, sizeof(buf));
	n = take(r, v[1], buf, size);
	sc_print_result(r->out, n);
	if (n > 0)
		sc_print_records(r->out, buf, (size_t)n, object_name, r);
}

static void show_drain(struct replay *r, int c WQ_UNUSED, char **v)
{
	unsigned char buf[16384];
	size_t total = 0;
	ssize_t n;

	while ((n = take(r, v[1], buf + total, sizeof(buf) - total)) > 0)
		total += (size_t)n;
	fprintf(r->out, "= %zu then %s\n", total, sc_error_name((int)-n));
	sc_print_records(r->out, buf, total, object_name, r);
}

static void show_count(struct replay *r, int c WQ_UNUSED, char **v)
{
	unsigned char buf[4096];
	struct sc_runs runs = {0};
	ssize_t n;

	fputc('=', r->out);
	while ((n = take(r, v[1], buf, sizeof(buf))) > 0)
		sc_runs_add(&runs, r->out, buf, (size_t)n);
	sc_runs_end(&runs, r->out);
	fprintf(r->out, " then %s\n", sc_error_name((int)-n));
}

static void show_poll(struct replay *r, int c WQ_UNUSED, char **v)
{
	fputs(wq_queue_readable(queue_of(r, v[1])) ? "= 1 IN\n" : "= 0\n", r->out);
}

static void show_repeat(struct replay *r, int c, char **v);

static const struct step {
	const char *name;
	int words;
	long (*run)(struct replay *r, int c, char **v);
	void (*show)(struct replay *r, int c, char **v);
} steps[] = {
	{"queue", 2, do_queue, NULL},
	{"size", 3, do_size, NULL},
	{"filter", 3, do_filter, NULL},
	{"watch", 4, do_watch, NULL},
	{"unwatch", 3, do_unwatch, NULL},
	{"add", 6, do_add, NULL},
	{"update", 3, do_update, NULL},
	{"setperm", 3, do_setperm, NULL},
	{"fionread", 2, do_fionread, NULL},
	{"read", 3, NULL, show_read},
	{"drain", 2, NULL, show_drain},
	{"count", 2, NULL, show_count},
	{"poll", 2, NULL, show_poll},
	{"repeat", 3, NULL, show_repeat},
};

static const struct step *find_step(int c, char **v)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (!strcmp(steps[i].name, v[0]) && c >= steps[i].words)
			return &steps[i];
	ck_abort_msg("no step %s of %d words", v[0], c);
}

static void show_repeat(struct replay *r, int c, char **v)
{
	const struct step *s = find_step(c - 2, v + 2);
	int n = atoi(v[1]), ok = 0;

	for (int i = 0; i < n; i++)
		ok += s->run(r, c - 2, v + 2) >= 0;
	fprintf(r->out, "= %d of %d\n", ok, n);
}

static void run_line(struct replay *r, char *line)
{
	char *words[SC_WORDS_MAX];
	const struct step *s;
	int c;

	line[strcspn(line, "\n")] = 0;
	if (line[0] == 0 || line[0] == '#')
		return;
	fprintf(r->out, "> %s\n", line);
	c = sc_split(line, words);
	s = find_step(c, words);
	if (s->show)
		s->show(r, c, words);
	else
		sc_print_result(r->out, s->run(r, c, words));
}

static FILE *open_golden(const char *dir, const char *name, const char *suffix)
{
	const char *src = getenv("srcdir");
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/golden/%s/%s%s", src ? src : ".", dir, name,
		suffix);
	f = fopen(path, "re");
	ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
	return f;
}

static char *replay(const char *name)
{
	struct replay r = {0};
	FILE *scenario = open_golden("scenarios", name, ".scn");
	char *text = NULL, line[1024];
	size_t size = 0;

	r.out = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(r.out);
	new_object(&r, "@s");
	fprintf(r.out, "# %s.scn\n", name);
	while (fgets(line, sizeof(line), scenario))
		run_line(&r, line);
	fclose(scenario);
	fclose(r.out);
	for (int i = 0; i < r.nr_queues; i++)
		wq_queue_put(r.queues[i].queue);
	for (int i = 0; i < r.nr_objects; i++)
		ck_assert(wq_watch_list_empty(&r.objects[i].watchers));
	return text;
}

static const char *const scenarios[] = {
	"05-sizes",
	"06-loss",
	"07-read-sizes",
	"08-filters",
	"09-filter-errors",
	"11-unsized",
};

/* Compares line by line, so that a failure names the first line that differs. */
START_TEST(queue_and_filter_alone_give_the_golden_output)
{
	const char *name = scenarios[_i];
	char *text = replay(name), *rest = text, want[1024];
	FILE *expected = open_golden("expected", name, ".out");

	for (int line = 1; fgets(want, sizeof(want), expected); line++) {
		char *got = strsep(&rest, "\n");

		want[strcspn(want, "\n")] = 0;
		ck_assert_msg(got && !strcmp(got, want), "%s.out:%d: expected '%s', got '%s'",
			name, line, want, got ? got : "end of output");
	}
	ck_assert_msg(!rest || !*rest, "%s: more output than expected: %s", name, rest);
	fclose(expected);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("queue golden");
	TCase *tc = tcase_create("replay");

	tcase_add_loop_test(
		tc, queue_and_filter_alone_give_the_golden_output, 0, ARRAY_SIZE(scenarios));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
