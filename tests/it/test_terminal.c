/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `cat` on a queue in an interactive shell: what the keys of a terminal do to it. */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib.h"

#define PROMPT "at-your-service "

struct terminal {
	int fd;
	pid_t shell;
	char seen[65536]; /* the output that was not expected yet */
	size_t len;
};

static _Noreturn void be_shell(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setenv("PS1", PROMPT, 1);
	setenv("PS2", "", 1);
	unsetenv("ENV");
	execl("/bin/sh", "sh", "-i", (char *)NULL);
	_exit(127);
}

static void take_output(struct terminal *t)
{
	ssize_t n = read(t->fd, t->seen + t->len, sizeof(t->seen) - 1 - t->len);

	if (n > 0)
		t->len += (size_t)n;
	t->seen[t->len] = '\0';
}

/* Were WORDS printed? Drops the output up to them. */
static bool printed(struct terminal *t, const char *words)
{
	char *at;

	take_output(t);
	at = strstr(t->seen, words);
	if (!at)
		return false;
	at += strlen(words);
	t->len -= (size_t)(at - t->seen);
	memmove(t->seen, at, t->len + 1);
	return true;
}

static void type(struct terminal *t, const char *keys)
{
	IT_EQ(write(t->fd, keys, strlen(keys)), strlen(keys));
}

static void open_terminal(struct terminal *t)
{
	memset(t, 0, sizeof(*t));
	t->shell = forkpty(&t->fd, NULL, NULL, NULL);
	IT_OK(t->shell >= 0);
	if (t->shell == 0)
		be_shell();
	IT_EQ(fcntl(t->fd, F_SETFL, O_NONBLOCK), 0);
	IT_UNTIL(printed(t, PROMPT));
}

/* The process group in the foreground: that of a job, unless it is the shell's. */
static pid_t job(struct terminal *t)
{
	pid_t group = tcgetpgrp(t->fd);

	return group == t->shell ? 0 : group;
}

/* A queue whose records are lines, and `cat` blocked on it. Returns its pid. */
static pid_t cat_a_queue(struct terminal *t, int *fd, int32_t *key)
{
	it_start(NULL);
	*key = it_key("wqfs-test:terminal");
	*fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(*fd, *key, 1), 0);
	open_terminal(t);
	type(t, "cat " IT_MNT "/q | od -An -tx1 -v\n");
	IT_UNTIL(it_stats(*fd).readers == 1);
	IT_OK(job(t) > 0);
	return job(t);
}

static void control_c_ends_a_blocked_cat(void)
{
	static struct terminal t;
	int32_t key;
	int fd;

	cat_a_queue(&t, &fd, &key);
	type(&t, "\x03");
	IT_UNTIL(printed(&t, PROMPT));
	IT_EQ(it_stats(fd).readers, 0);
}

static void stopped_cat_goes_on_in_the_foreground(void)
{
	static struct terminal t;
	pid_t cat;
	int32_t key;
	int fd;

	cat = cat_a_queue(&t, &fd, &key);
	type(&t, "\x1a");
	IT_UNTIL(it_state(cat) == 'T');
	IT_UNTIL(printed(&t, PROMPT));
	IT_EQ(it_stats(fd).readers, 0);

	/* what comes in the meantime waits in the queue */
	it_change(fd, key);
	IT_EQ(it_stats(fd).queued, 1);
	type(&t, "fg\n");
	IT_UNTIL(it_stats(fd).queued == 0 || printed(&t, "Interrupted system call"));
	if (it_stats(fd).queued) { /* a cat that does not read again after EINTR takes none */
		IT_UNTIL(printed(&t, PROMPT));
		return;
	}
	IT_UNTIL(it_stats(fd).readers == 1);

	it_change(fd, key);
	IT_UNTIL(it_stats(fd).queued == 0);
	type(&t, "\x03");
	IT_UNTIL(printed(&t, PROMPT));
}

static void cat_prints_records_as_they_come(void)
{
	static struct terminal t;
	char line[64];
	int32_t key;
	int fd;

	it_start(NULL);
	key = it_key("wqfs-test:terminal");
	fd = it_queue("q", O_RDONLY | O_NONBLOCK);
	IT_EQ(it_watch(fd, key, 1), 0);
	open_terminal(&t);
	type(&t, "setfattr -n user.wqfs.format -v text " IT_MNT "/q && echo all-''set\n");
	IT_UNTIL(printed(&t, "all-set") || printed(&t, "not found"));
	if (strstr(t.seen, "not found"))
		it_skip("setfattr is not installed");
	type(&t, "cat " IT_MNT "/q\n");
	IT_UNTIL(it_stats(fd).readers == 1);
	it_change(fd, key);
	snprintf(line, sizeof(line), "%d attr", key);
	IT_UNTIL(printed(&t, line));
	IT_UNTIL(it_stats(fd).readers == 1);
	type(&t, "\x03");
	IT_UNTIL(printed(&t, PROMPT));
}

static const struct it_test tests[] = {
	{"control-C ends a cat that waits for records", control_c_ends_a_blocked_cat},
	{"a cat stopped by control-Z goes on in the foreground, or says EINTR",
		stopped_cat_goes_on_in_the_foreground},
	{"cat prints records as they come", cat_prints_records_as_they_come},
};

IT_MAIN(tests)
