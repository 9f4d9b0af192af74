/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/loop.h"
#include "base/task.h"

#define MOMENT_NS (5 * WQ_NSEC_PER_MSEC)
#define FRESH_NS  WQ_NSEC_PER_SEC

/* The kernel's proc_task_name() writes a newline as \n and a backslash as two. */
static bool parse_name(const char *text, char comm[16])
{
	static const char label[] = "Name:\t";
	size_t n = 0;

	if (strncmp(text, label, strlen(label)) != 0)
		return false;
	for (text += strlen(label); *text && *text != '\n' && n < 15; text++) {
		if (*text == '\\' && text[1])
			comm[n++] = *++text == 'n' ? '\n' : *text;
		else
			comm[n++] = *text;
	}
	comm[n] = '\0';
	return true;
}

/* Reads the four numbers of a line after its label. */
static bool parse_ids(const char *line, uint32_t ids[4])
{
	return sscanf(line, " %*s %u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4;
}

static void parse_groups(const char *text, struct wq_task *t)
{
	const char *p = strstr(text, "\nGroups:");
	int used = 0;

	for (p = p ? p + strlen("\nGroups:") : ""; *p == '\t' || *p == ' '; p += used) {
		gid_t gid;

		if (p[1] == '\n' || sscanf(p, "%*1[ \t]%u%n", &gid, &used) != 1)
			return;
		t->more_groups = t->ngroups == WQ_TASK_GROUPS;
		if (t->more_groups)
			return;
		t->groups[t->ngroups++] = gid;
	}
}

static bool parse_status(const char *text, struct wq_task *t)
{
	const char *tgid = strstr(text, "\nTgid:"), *ppid = strstr(text, "\nPPid:"),
		   *uid = strstr(text, "\nUid:"), *gid = strstr(text, "\nGid:");

	parse_groups(text, t);
	return parse_name(text, t->comm) && tgid && ppid && uid && gid &&
	       sscanf(tgid, " Tgid: %d", &t->tgid) == 1 &&
	       sscanf(ppid, " PPid: %d", &t->parent) == 1 && parse_ids(uid, t->uids) &&
	       parse_ids(gid, t->gids);
}

/* The daemon stays in its user namespace, so that this is read once. */
static bool in_our_userns(struct wq_tasks *tasks, pid_t tid)
{
	struct stat *ours = &tasks->userns, its;
	char path[64];

	if (!ours->st_ino && stat("/proc/self/ns/user", ours) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)tid);
	return stat(path, &its) == 0 && its.st_dev == ours->st_dev &&
	       its.st_ino == ours->st_ino;
}

bool wq_task_read(struct wq_tasks *tasks, pid_t tid, struct wq_task *t)
{
	char text[4096];

	memset(t, 0, sizeof(*t));
	t->tid = tid;
	if (!wq_lives_status(&tasks->lives, tid, text, sizeof(text)) || !parse_status(text, t))
		return false;
	t->our_userns = in_our_userns(tasks, tid);
	t->knows_mapped = !t->our_userns && wq_mapped_by(tid, &t->mapped);
	t->ruid = t->uids[0];
	t->uid = t->uids[3];
	t->gid = t->gids[3];
	return true;
}

void wq_tasks_fini(struct wq_tasks *tasks)
{
	wq_lives_fini(&tasks->lives);
}

/* What was read of TID earlier, or NULL. */
static struct wq_task *cached(struct wq_tasks *tasks, pid_t tid, uint64_t *read_ns)
{
	unsigned int i = (unsigned int)tid % WQ_TASKS;

	*read_ns = tasks->slot[i].read_ns;
	return tasks->slot[i].known && tasks->slot[i].task.tid == tid ? &tasks->slot[i].task
								      : NULL;
}

const struct wq_task *wq_task_known(struct wq_tasks *tasks, pid_t tid, uint64_t since_ns)
{
	uint64_t read_ns;
	const struct wq_task *task = cached(tasks, tid, &read_ns);

	return task && read_ns >= since_ns ? task : NULL;
}

const struct wq_task *wq_task_get(struct wq_tasks *tasks, pid_t tid, uint64_t at_ns)
{
	unsigned int i = (unsigned int)tid % WQ_TASKS;
	struct wq_task task;
	uint64_t read_ns;
	const struct wq_task *have = cached(tasks, tid, &read_ns);

	if (have && read_ns >= at_ns)
		return have;
	read_ns = wq_now_ns();
	if (!wq_task_read(tasks, tid, &task))
		return NULL; /* the entry stays, for wq_task_recent() */
	tasks->slot[i].known = true;
	tasks->slot[i].task = task;
	tasks->slot[i].read_ns = read_ns;
	return &tasks->slot[i].task;
}

const struct wq_task *wq_task_recent(struct wq_tasks *tasks, pid_t tid, uint64_t at_ns)
{
	uint64_t read_ns;
	const struct wq_task *task = cached(tasks, tid, &read_ns);

	if (task && read_ns + MOMENT_NS >= at_ns)
		return task;
	task = wq_task_get(tasks, tid, at_ns);
	if (task)
		return task;
	task = cached(tasks, tid, &read_ns);
	return task && read_ns + FRESH_NS >= at_ns ? task : NULL;
}

/* ---- who it was ---- */

void wq_task_renewed(struct wq_renewals *renewals, pid_t tid, uint64_t at_ns, bool is_exec)
{
	unsigned int i = (unsigned int)tid % WQ_RENEWALS;

	if (at_ns < renewals->of[i].at_ns)
		return; /* reported late, by another CPU: the later event counts */
	renewals->of[i].at_ns = at_ns;
	if (is_exec)
		renewals->of[i].executed = tid;
	else if (renewals->of[i].executed == tid)
		renewals->of[i].executed = 0;
}

void wq_task_renewals_lost(struct wq_renewals *renewals)
{
	renewals->lost_ns = wq_now_ns();
}

bool wq_task_may_be_another(const struct wq_tasks *tasks, pid_t tid, uint64_t since_ns)
{
	return tasks->renewals.of[(unsigned int)tid % WQ_RENEWALS].at_ns >= since_ns ||
	       tasks->renewals.lost_ns >= since_ns;
}

static bool is_of_one_user(const struct wq_task *t)
{
	for (int i = 1; i < 4; i++)
		if (t->uids[i] != t->uids[0] || t->gids[i] != t->gids[0])
			return false;
	return true;
}

bool wq_task_needs_news(struct wq_tasks *tasks, pid_t tid, uint64_t end_ns)
{
	uint64_t read_ns;

	if (!wq_task_recent(tasks, tid, end_ns) || !cached(tasks, tid, &read_ns) ||
		read_ns < tasks->heard_ns)
		return false;
	tasks->heard_ns = wq_now_ns();
	return true;
}

struct wq_cred wq_task_who(
	struct wq_tasks *tasks, pid_t tid, uint64_t begin_ns, uint64_t end_ns)
{
	struct wq_cred who = {.uid = WQ_UID_UNKNOWN};
	const struct wq_task *task = wq_task_recent(tasks, tid, end_ns);
	uint64_t since_ns = begin_ns, read_ns;

	if (task && cached(tasks, tid, &read_ns) && read_ns < begin_ns)
		since_ns = read_ns;
	if (!task || wq_task_may_be_another(tasks, tid, since_ns)) {
		/* of all threads of a process only the first keeps its number on exec */
		if (tasks->renewals.of[(unsigned int)tid % WQ_RENEWALS].executed == tid)
			who.pid = tid;
		return who;
	}
	who.pid = task->tgid;
	if (!is_of_one_user(task))
		return who;
	who.uid = task->uid;
	who.gid = task->gid;
	memcpy(who.comm, task->comm, sizeof(who.comm));
	return who;
}
