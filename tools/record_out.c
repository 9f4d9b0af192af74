/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record_out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "args.h"
#include "base/start.h"
#include "record/record.h"
#include "record/record_json.h"
#include "record/render.h"
#include "show.h"
#include "stop_signals.h"

#define BATCH 65536

struct reading {
	const struct queue_file *q;
	const struct record_out *how;
	enum wqfs_format format; /* in which the queue returns records */
	unsigned long left;	 /* how many of how->count are still to be printed */
	struct stop_signals stop;
	int waiter;
	char buf[BATCH];
};

int record_out_option(const struct wqctl_cmd *cmd, struct record_out *how, int option)
{
	switch (option) {
	case 'F':
		return args_format(cmd, optarg, &how->format);
	case 't':
		how->time = true;
		return -1;
	case 'W':
		how->who = true;
		return -1;
	default:
		return wqctl_other_option(cmd, option);
	}
}

/* ---- waiting ---- */

/* For SIGINT and SIGTERM, except one that our parent wants ignored. 0 or -errno. */
static int listen_to_signals(struct reading *rd)
{
	sigemptyset(&rd->stop.set);
	wq_start_heed(&rd->stop.set, SIGINT);
	wq_start_heed(&rd->stop.set, SIGTERM);
	return stop_signals_listen(&rd->stop);
}

enum event { EVENT_READ, EVENT_STOP, EVENT_NO_OUTPUT };

static bool listen_to(int epoll, int fd, uint32_t events, enum event what)
{
	struct epoll_event e = {.events = events, .data.u32 = what};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* A poll() that is woken asks the queue again. A frozen daemon could not answer, and the
 * kernel's freezer would wait for us for ever. epoll_wait() asks only after an event. -1 on
 * error. */
static int open_waiter(const struct reading *rd)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		return -1;
	/* If standard output is a file, epoll refuses it; a file cannot lose its
	 * reader either. */
	listen_to(epoll, STDOUT_FILENO, 0, EVENT_NO_OUTPUT);
	if (listen_to(epoll, rd->stop.fd, EPOLLIN, EVENT_STOP) &&
		listen_to(epoll, rd->q->fd, EPOLLIN, EVENT_READ))
		return epoll;
	close(epoll);
	return -1;
}

/* Waits up to TIMEOUT ms (-1: for ever) until there is something to read, a reason to stop, or
 * stdout has lost its reader. With 0 the caller may always try to read. */
static enum event wait_event(const struct reading *rd, int timeout)
{
	struct epoll_event events[3];
	enum event first = EVENT_READ;
	int n;

	do
		n = epoll_wait(rd->waiter, events, 3, timeout);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return EVENT_STOP;
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == EVENT_STOP)
			return EVENT_STOP;
		if (events[i].data.u32 == EVENT_NO_OUTPUT)
			first = EVENT_NO_OUTPUT;
	}
	return first;
}

/* ---- reading ---- */

/* The buffer grows by the length of the shortest record until the first record fits. So it
 * never has room for two. */
static ssize_t read_raw(struct reading *rd)
{
	ssize_t len = -1;

	errno = ENOBUFS;
	for (size_t size = WQFS_RECORD_MIN;
		len < 0 && errno == ENOBUFS && size <= WQFS_RECORD_MAX + WQFS_RECORD_MIN;
		size += WQFS_RECORD_MIN)
		len = read(rd->q->fd, rd->buf, size);
	return len;
}

/* Reads a line in pieces. No piece is longer than the shortest line, so the buffer that takes
 * the rest of this line has no room for the next line. */
static ssize_t read_line(struct reading *rd)
{
	size_t shortest = rd->format == WQFS_FORMAT_TEXT
				  ? strlen("0 gc\n")
				  : strlen("{\"time\":\"2024-02-29T12:34:56.000000007Z\"}\n");
	size_t done = 0;
	ssize_t len;

	do {
		len = read(rd->q->fd, rd->buf + done, shortest);
		if (len > 0)
			done += (size_t)len;
		else if (!done || len == 0 || errno != EINTR)
			break;
	} while (rd->buf[done - 1] != '\n' && done + shortest <= sizeof(rd->buf));
	return len < 0 ? len : (ssize_t)done;
}

static ssize_t read_one(struct reading *rd)
{
	return rd->format == WQFS_FORMAT_RAW ? read_raw(rd) : read_line(rd);
}

static ssize_t read_batch(struct reading *rd)
{
	return rd->how->count ? read_one(rd) : read(rd->q->fd, rd->buf, sizeof(rd->buf));
}

static bool is_end(ssize_t len)
{
	return !len ||
	       (len < 0 && (errno == ENOTCONN || errno == ECONNABORTED || errno == ENODEV));
}

/* ---- printing ---- */

static void print_who(const struct wq_cred *who)
{
	if (!who->pid)
		return;
	if (who->uid == WQ_UID_UNKNOWN) {
		printf(" by [%d]", who->pid);
		return;
	}
	fputs(" by ", stdout);
	show_clean(who->comm, strnlen(who->comm, sizeof(who->comm)));
	printf("[%d] uid %u", who->pid, who->uid);
}

static void print_record(const struct record_out *how, const struct wq_record *r)
{
	char text[WQ_RENDER_MAX], when[WQ_TIME_MAX];
	ssize_t len = wq_record_render(r, WQFS_FORMAT_TEXT, text, sizeof(text));

	if (how->time) {
		wq_time_to_text(&r->when, when);
		printf("%s ", when);
	}
	fwrite(text, 1, (size_t)len - 1, stdout);
	if (how->who)
		print_who(&r->who);
	putchar('\n');
}

/* Turns lines of JSON into lines of text. False: a line could not be parsed. */
static bool print_lines(const struct record_out *how, const char *line, const char *end)
{
	struct wq_record r;
	const char *stop;

	for (; line < end; line = stop + 1) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop || wq_record_from_json(&r, line, (size_t)(stop - line)))
			return false;
		print_record(how, &r);
	}
	return true;
}

static bool print_batch(const struct reading *rd, size_t len)
{
	if (rd->format == rd->how->format)
		fwrite(rd->buf, 1, len, stdout);
	else if (!print_lines(rd->how, rd->buf, rd->buf + len)) {
		wq_complain(WQ_ACT_READ, EBADMSG, rd->q->path, NULL);
		return false;
	}
	return wqctl_flush();
}

/* ---- the loop ---- */

static enum wqctl_exit fail(const struct reading *rd, int err)
{
	wq_complain(WQ_ACT_READ, err, rd->q->path, NULL);
	return WQCTL_FAILURE;
}

enum step { STEP_MORE, STEP_DRAINED, STEP_DONE, STEP_FAILED };

static enum step read_and_print(struct reading *rd)
{
	ssize_t len = read_batch(rd);

	if (len > 0) {
		if (!print_batch(rd, (size_t)len))
			return STEP_FAILED;
		return rd->how->count && !--rd->left ? STEP_DONE : STEP_MORE;
	}
	if (len < 0 && errno == EINTR)
		return STEP_MORE;
	if (len < 0 && errno == EAGAIN)
		return rd->how->wait ? STEP_DRAINED : STEP_DONE;
	if (is_end(len) && rd->how->wait)
		return STEP_DONE;
	fail(rd, len ? errno : ENOTCONN);
	return STEP_FAILED;
}

static enum wqctl_exit run(struct reading *rd)
{
	enum step step = STEP_MORE;

	while (step != STEP_DONE && step != STEP_FAILED) {
		switch (wait_event(rd, step == STEP_DRAINED ? -1 : 0)) {
		case EVENT_STOP:
			return WQCTL_OK;
		case EVENT_NO_OUTPUT:
			fprintf(stderr, "%s: standard output: %s\n",
				program_invocation_short_name, strerror(EPIPE));
			return WQCTL_FAILURE;
		case EVENT_READ:
			step = read_and_print(rd);
			break;
		}
	}
	return step == STEP_DONE ? WQCTL_OK : WQCTL_FAILURE;
}

enum wqctl_exit record_out(const struct queue_file *q, const struct record_out *how)
{
	struct reading rd = {.q = q, .how = how, .format = how->format, .left = how->count};
	enum wqctl_exit status;
	int err;

	if (how->format == WQFS_FORMAT_TEXT && (how->time || how->who))
		rd.format = WQFS_FORMAT_JSON; /* only JSON has time and cause */
	if (!queue_file_set_format(q, rd.format))
		return WQCTL_FAILURE;
	err = listen_to_signals(&rd);
	if (err)
		return fail(&rd, -err);
	rd.waiter = open_waiter(&rd);
	status = rd.waiter < 0 ? fail(&rd, errno) : run(&rd);
	if (rd.waiter >= 0)
		close(rd.waiter);
	stop_signals_end(&rd.stop);
	return status;
}
