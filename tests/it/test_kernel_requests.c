/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key that the kernel requests by itself: a mount of a file server loses its connection, and
 * a thread of the kernel asks for the server's address. The key is linked into a keyring of the
 * kernel's own. SOURCE: the source to be tested, which must see more than system calls.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kernel_source.h"
#include "lib.h"
#include "records.h"

#define SHARE "//wqfs-test.invalid/share" /* RFC 2606: there is no such name */
#define WHERE "share"

/* The serial of the kernel's keyring NAME; 0: there is none. */
static int32_t kernel_keyring(const char *name)
{
	FILE *f = fopen("/proc/keys", "re");
	char line[512], type[32], description[64];
	unsigned int serial;
	int32_t found = 0;

	IT_OK(f);
	while (!found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%x %*s %*s %*s %*s %*s %*s %31s %63[^:]", &serial, type,
			    description) == 3 &&
			!strcmp(type, "keyring") && !strcmp(description, name))
			found = (int32_t)serial;
	fclose(f);
	return found;
}

/* Returns the keyring of the addresses that the kernel has asked for. */
static int32_t need_keyring(void)
{
	int32_t ring;

	IT_EQ(mkdir(WHERE, 0700), 0);
	/* loads the module, and fails */
	if (mount(SHARE, WHERE, "cifs", 0, "ip=127.0.0.1,bad-option") == 0 || errno == ENODEV)
		it_skip("this kernel has no such file system");
	ring = kernel_keyring(".dns_resolver");
	if (!ring)
		it_skip("the kernel asks nobody for names");
	return ring;
}

/* A server that accepts connections and closes them. Returns its port. */
static int serve(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	IT_OK(fd >= 0);
	IT_EQ(bind(fd, (struct sockaddr *)&address, size), 0);
	IT_EQ(listen(fd, 8), 0);
	IT_EQ(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	if (it_fork() == 0)
		for (;;)
			close(accept(fd, NULL, NULL));
	close(fd);
	return ntohs(address.sin_port);
}

static pid_t mount_in_child(void)
{
	const int port = serve();
	char options[128];
	pid_t pid = it_fork();

	if (pid)
		return pid;
	snprintf(options, sizeof(options), "ip=127.0.0.1,port=%d,user=u,pass=p,vers=2.1", port);
	_exit(mount(SHARE, WHERE, "cifs", 0, options) == 0);
}

/* The daemon, whose source sees what no system call does. */
static pid_t start_in_functions(void)
{
	pid_t daemon = kernel_source_start("");

	if (kernel_source_is("kernel-syscalls"))
		it_skip("this source sees only what system calls do");
	return daemon;
}

/* Takes records until KEY's link is among them. Before it comes the record that RING was
 * cleared. The kernel may ask again whenever it has no answer, so there may be links of other
 * keys. */
static void is_linked(int fd, int32_t ring, int32_t key)
{
	char cleared[32], link[32], want[64];
	bool found = false;

	snprintf(cleared, sizeof(cleared), "%d:cleared", ring);
	snprintf(link, sizeof(link), "%d:linked:", ring);
	snprintf(want, sizeof(want), "%s%d", link, key);
	while (!found) {
		char text[4096], *rest = text, *word;

		IT_UNTIL(snprintf(text, sizeof(text), "%s", records(fd)) > 0);
		while ((word = strsep(&rest, " "))) {
			if (strcmp(word, cleared) != 0 &&
				strncmp(word, link, strlen(link)) != 0)
				IT_FAIL("there is the record %s, and not %s", word, want);
			found |= !strcmp(word, want);
		}
	}
}

static void what_the_kernel_requests_is_linked(void)
{
	pid_t daemon, mounter;
	int32_t ring, key = 0;
	int fd;

	it_need_root();
	ring = need_keyring();
	daemon = start_in_functions();
	fd = watching("q", ring);
	IT_EQ(keyctl_clear(ring), 0); /* or it may have the answer already */
	mounter = mount_in_child();
	IT_UNTIL(keyctl_read(ring, (char *)&key, sizeof(key)) > 0);
	is_linked(fd, ring, key);
	IT_EQ(it_wait(mounter), 0);
	close(fd);
	it_stop(daemon);
}

static const struct it_test tests[] = {
	{"what the kernel requests by itself is linked into its own keyring",
		what_the_kernel_requests_is_linked},
};

IT_MAIN(tests)
