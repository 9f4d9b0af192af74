/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run_each.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/container.h"
#include "base/libc.h"
#include "base/unused.h"
#include "event_out.h"
#include "template.h"

/* What a command gets. Both texts belong to the job. */
struct run_job {
	char *json;
	char *fields; /* "WQFS_TIME=...", each with its NUL, and an empty one at the end */
	STAILQ_ENTRY(run_job) next;
};

/* ---- jobs ---- */

static void put_field(void *arg, const char *name, const char *value)
{
	FILE *out = arg;

	fputs("WQFS_", out);
	for (; *name; name++)
		putc(toupper((unsigned char)*name), out);
	fprintf(out, "=%s", value);
	putc('\0', out);
}

static void put_fields(FILE *out, const struct event *event)
{
	template_fields(event, put_field, out);
}

static void free_job(struct run_job *job)
{
	free(job->json);
	free(job->fields);
	free(job);
}

static struct run_job *new_job(const struct event *event)
{
	struct run_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->json = event_text(event_print_json, event);
	job->fields = event_text(put_fields, event);
	if (job->json && job->fields)
		return job;
	free_job(job);
	return NULL;
}

/* ---- running ---- */

static void complain(struct run_each *run, const char *why)
{
	fprintf(stderr, "wqctl: %s: %s\n", run->command, why);
	run->failed = true;
}

static void set_environment(const char *fields)
{
	for (; *fields; fields += strlen(fields) + 1) {
		char *name = strndup(fields, strcspn(fields, "="));

		if (name)
			setenv(name, fields + strcspn(fields, "=") + 1, 1);
		free(name);
	}
}

/* A file that holds TEXT, to be read from its beginning; -1 with errno. */
static int file_of(const char *text)
{
	int fd = memfd_create("event", MFD_CLOEXEC);
	size_t len = strlen(text);

	if (fd < 0 || (write(fd, text, len) == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0))
		return fd;
	close(fd);
	return -1;
}

/* Starts the command, with the signals as it expects them and INPUT as its standard input. 0 or
 * an errno. */
static int spawn(struct run_each *run, int input)
{
	char name[] = "sh",
	     option[] = "-c", *const argv[] = {name, option, (char *)run->command, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	int err;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	err = posix_spawn(&run->pid, "/bin/sh", &files, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return err;
}

static void close_child(struct run_each *run)
{
	if (run->child.fd >= 0)
		close(run->child.fd);
	run->child.fd = -1;
}

/* Has the loop tell of the end of the command that runs. 0 or an errno. */
static int listen_to_child(struct run_each *run)
{
	int err;

	run->child.fd = pidfd_open(run->pid, 0);
	if (run->child.fd < 0)
		return errno;
	err = -wq_loop_add(run->loop, &run->child, EPOLLIN);
	if (err)
		close_child(run);
	return err;
}

/* The status of the command that runs, whose end this waits for. */
static int wait_for_child(struct run_each *run)
{
	int status = 0;

	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	run->pid = 0;
	return status;
}

/* 0 or an errno: then no command runs any more. */
static int start(struct run_each *run, const struct run_job *job)
{
	int input = file_of(job->json), err;

	if (input < 0)
		return errno;
	set_environment(job->fields);
	err = spawn(run, input);
	close(input);
	if (!err) {
		err = listen_to_child(run);
		if (err)
			wait_for_child(run);
	}
	return err;
}

static void start_next(struct run_each *run)
{
	struct run_job *job;

	while (!run->pid && (job = STAILQ_FIRST(&run->waiting))) {
		int err;

		STAILQ_REMOVE_HEAD(&run->waiting, next);
		err = start(run, job);
		free_job(job);
		if (!err)
			return;
		complain(run, strerror(err));
		run->pid = 0;
		run->nr--;
	}
}

static void interpret(struct run_each *run, int status)
{
	char why[64];

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	if (WIFEXITED(status))
		snprintf(why, sizeof(why), "exit status %d", WEXITSTATUS(status));
	else
		snprintf(why, sizeof(why), "ended by signal %d", WTERMSIG(status));
	complain(run, why);
}

/* Waits for the command that runs. */
static void reap(struct run_each *run)
{
	int status = wait_for_child(run);

	run->nr--;
	interpret(run, status);
}

static void on_child(struct wq_loop_fd *watched, uint32_t events WQ_UNUSED)
{
	struct run_each *run = wq_container_of(watched, struct run_each, child);

	wq_loop_del(run->loop, &run->child);
	close_child(run);
	reap(run);
	start_next(run);
	run->done(run);
}

void run_each_init(struct run_each *run, struct wq_loop *loop, const char *command)
{
	run->loop = loop;
	run->command = command;
	run->child = (struct wq_loop_fd){.fd = -1, .ready = on_child};
	STAILQ_INIT(&run->waiting);
}

void run_each_add(struct run_each *run, const struct event *event)
{
	struct run_job *job = new_job(event);

	if (!job) {
		complain(run, strerror(ENOMEM));
		return;
	}
	run->nr++;
	STAILQ_INSERT_TAIL(&run->waiting, job, next);
	start_next(run);
}

void run_each_fini(struct run_each *run)
{
	struct run_job *job;

	if (run->pid)
		reap(run);
	close_child(run);
	if (run->nr)
		fprintf(stderr, "wqctl: %s: was not run for %zu more events\n", run->command,
			run->nr);
	while ((job = STAILQ_FIRST(&run->waiting))) {
		STAILQ_REMOVE_HEAD(&run->waiting, next);
		free_job(job);
	}
}
