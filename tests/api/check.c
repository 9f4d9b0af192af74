/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

key_serial_t key;
int q[2];

bool update(void)
{
	return keyctl_update(key, "payload", 7) == 0;
}

int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static char state_of(pid_t pid)
{
	char path[64], line[256] = "", *name_end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return '?';
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	name_end = strrchr(line, ')');
	return name_end ? name_end[2] : '?';
}

void wait_for_state(pid_t pid, char state)
{
	char is;

	while ((is = state_of(pid)) != state && is != '?')
		sched_yield();
}

volatile sig_atomic_t handled;

void handler(int sig __attribute__((unused)))
{
	handled = 1;
}

void set_handler(int flags)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};

	handled = 0;
	sigaction(SIGUSR1, &sa, NULL);
}

/* Runs DISTURB in a child once this process sleeps, and then updates the key. */
pid_t start_disturber(void (*disturb)(pid_t pid))
{
	pid_t me = getpid(), child = fork();

	if (child)
		return child;
	wait_for_state(me, 'S');
	disturb(me);
	wait_for_state(me, 'S');
	update();
	_exit(0);
}

static bool is_pending(pid_t pid, int sig)
{
	unsigned long long pending = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "ShdPnd: %llx", &pending) == 1)
			break;
	if (f)
		fclose(f);
	return pending & (1ull << (sig - 1));
}

void send_signal(pid_t pid)
{
	kill(pid, SIGUSR1);
	while (is_pending(pid, SIGUSR1))
		sched_yield();
}

static void open_queue(void)
{
	if (pipe2(q, O_NOTIFICATION_PIPE) || ioctl(q[0], IOC_WATCH_QUEUE_SET_SIZE, 32) ||
		keyctl_watch_key(key, q[0], 1)) {
		perror("a queue");
		exit(1);
	}
}

int api_main(const struct api_check *checks, int n)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	keyctl_join_session_keyring(NULL);
	key = add_key("user", "wqfs:facility", "x", 1, KEY_SPEC_SESSION_KEYRING);
	if (key < 0) {
		perror("add_key");
		return 1;
	}
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		open_queue();
		if (!checks[i].holds()) {
			printf("not ");
			failed = 1;
		}
		printf("ok %d - %s\n", i + 1, checks[i].name);
		close(q[0]);
		if (q[1] >= 0)
			close(q[1]);
	}
	return failed;
}
