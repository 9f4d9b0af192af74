/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>

#include "base/mounts.h"
#include "facility.h"
#include "mount_check.h"
#include "mount_find.h"
#include "program.h"
#include "sources/reasons.h"
#include "sources/tracefs_mount.h"
#include "wqfs.h"
#include "wqrun_paths.h"

/* What the examination has found, as far as later conclusions depend on it. */
struct findings {
	FILE *out;
	struct wq_facility facility;
	bool keys, fuse, parts, bpf, trace;
	char *mount; /* a wqfs that serves, or NULL */
};

/* ---- lines ---- */

__attribute__((format(printf, 4, 5))) static bool line(
	const struct findings *f, const char *what, bool ok, const char *format, ...)
{
	va_list ap;

	fprintf(f->out, "%-14s %-4s ", what, ok ? "yes" : "no");
	va_start(ap, format);
	vfprintf(f->out, format, ap);
	va_end(ap);
	fputc('\n', f->out);
	return ok;
}

/* ---- the kernel ---- */

/* Does a seccomp filter apply to this process? */
static bool has_seccomp_filter(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char text[256];
	bool filtered = false;

	while (status && fgets(text, sizeof(text), status))
		if (!strncmp(text, "Seccomp:\t2", strlen("Seccomp:\t2")))
			filtered = true;
	if (status)
		fclose(status);
	return filtered;
}

static const char *pipe_reason(int err)
{
	switch (err) {
	case 0:
		return "pipe2() makes notification pipes";
	case ENOPKG:
		return "the kernel is built without CONFIG_WATCH_QUEUE";
	case EINVAL:
		return "the kernel is older than Linux 5.8";
	case EPERM:
	case ENOSYS:
		return "a filter of system calls forbids pipe2(O_NOTIFICATION_PIPE)";
	default:
		return strerror(err);
	}
}

static const char *watch_reason(int err)
{
	switch (err) {
	case 0:
		return "keyctl() takes KEYCTL_WATCH_KEY";
	case EOPNOTSUPP:
		return "the kernel is built without CONFIG_KEY_NOTIFICATIONS";
	default:
		return "keyctl() is out of reach";
	}
}

static void check_facility(struct findings *f)
{
	const struct wq_facility *is = &f->facility;

	wq_facility_probe(&f->facility);
	line(f, "kernel queues", wq_facility_there(is), "%s%s%s", pipe_reason(is->pipe),
		is->pipe && is->watch ? "" : ", and ",
		is->pipe && is->watch ? "" : watch_reason(is->watch));
}

/* If keyctl() exists at all it refuses key 0 with EINVAL. */
static void check_keys(struct findings *f)
{
	int err = syscall(SYS_keyctl, KEYCTL_DESCRIBE, 0, NULL, 0) < 0 ? errno : 0;

	if (err == EINVAL)
		f->keys = line(f, "keys", true, "keyctl() is allowed");
	else if (has_seccomp_filter())
		line(f, "keys", false,
			"keyctl() is forbidden (%s) by a seccomp filter, as containers have "
			"it: "
			"start the container with a profile that allows keyctl, add_key and "
			"request_key",
			strerror(err));
	else if (err == ENOSYS)
		line(f, "keys", false, "the kernel is built without CONFIG_KEYS");
	else
		line(f, "keys", false, "keyctl() fails: %s", strerror(err));
}

/* "  uid: usage nkeys/nikeys qnkeys/maxkeys qnbytes/maxbytes" */
static void check_quota(const struct findings *f)
{
	FILE *users = fopen("/proc/key-users", "re");
	unsigned int uid, keys, max_keys, bytes, max_bytes;
	char text[256];

	while (users && fgets(text, sizeof(text), users))
		if (sscanf(text, "%u: %*u %*u/%*u %u/%u %u/%u", &uid, &keys, &max_keys, &bytes,
			    &max_bytes) == 5 &&
			uid == getuid())
			line(f, "key quota", keys < max_keys && bytes < max_bytes,
				"%u of %u keys, %u of %u bytes%s", keys, max_keys, bytes,
				max_bytes,
				keys < max_keys && bytes < max_bytes
					? ""
					: ": no key can be added (see keyrings(7), maxkeys)");
	if (users)
		fclose(users);
}

/* ---- programs for the kernel ---- */

#ifdef HAVE_BPF

/* Makes the smallest map that takes the right to it, and throws it away: 0, or an errno. */
static int try_bpf(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_RINGBUF};
	int fd;

	attr.max_entries = (__u32)sysconf(_SC_PAGESIZE);
	fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void check_bpf(struct findings *f)
{
	int err = try_bpf();

	f->bpf = line(f, "bpf", !err, "%s",
		err ? wq_reason_no_bpf(err)
		    : "a wqfs that you mount may put programs into the kernel's functions on "
		      "keys");
}

#else

static void check_bpf(const struct findings *f)
{
	line(f, "bpf", false, "%s", WQ_REASON_NO_LIBBPF);
}

#endif

/* ---- tracing ---- */

#ifdef HAVE_TRACEFS

static int find_tracepoints(void)
{
	int fd = wq_tracefs_mount(), err;

	if (fd < 0)
		return -fd;
	err = faccessat(fd, "events/syscalls/sys_enter_keyctl", F_OK, 0) ? ENOENT : 0;
	close(fd);
	return err;
}

static void check_tracing(struct findings *f)
{
	int err = find_tracepoints();

	f->trace = line(f, "tracing", !err, "%s%s",
		err ? wq_reason_no_trace(err)
		    : "a wqfs that you mount learns of changes at once",
		err == EPERM || err == EACCES
			? ": a wqfs that you mount polls, and one that root "
			  "mounts learns of changes at once"
			: "");
}

#else

static void check_tracing(const struct findings *f)
{
	line(f, "tracing", false, "%s", WQ_REASON_NO_LIBTRACEFS);
}

#endif

/* ---- FUSE ---- */

static bool check_dev_fuse(const struct findings *f)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), err = errno;

	if (fd >= 0) {
		close(fd);
		return line(f, "/dev/fuse", true, "it can be opened");
	}
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return line(f, "/dev/fuse", false,
			"there is none: load the kernel's module (modprobe fuse), or start the "
			"container with --device /dev/fuse");
	case EACCES:
		return line(f, "/dev/fuse", false,
			"only others may open it: on most systems its mode is 0666");
	default:
		return line(f, "/dev/fuse", false, "%s", strerror(err));
	}
}

/* Root mounts without fusermount3. */
static bool check_fusermount(const struct findings *f)
{
	char *path = wq_program_find("fusermount3");
	bool root = geteuid() == 0, ok = false;
	struct stat st;

	if (!path)
		line(f, "fusermount3", false, "%s",
			root ? "but root needs none"
			     : "there is none: install fuse3 (Debian: fuse3)");
	else if (!root && (stat(path, &st) || !(st.st_mode & S_ISUID) || st.st_uid))
		line(f, "fusermount3", false, "%s is not set-user-ID root", path);
	else if (wq_mounts_would_stay())
		line(f, "fusermount3", false, "%s: %s: " WQ_MTAB_HELP, WQ_MTAB,
			strerror(wq_mounts_would_stay()));
	else
		ok = line(f, "fusermount3", true, "%s", path);
	free(path);
	return ok || root;
}

static void check_fuse(struct findings *f)
{
	bool device = check_dev_fuse(f), mounter = check_fusermount(f);

	f->fuse = device && mounter;
}

/* ---- wqfs ---- */

static bool check_part(const struct findings *f, const char *what, const char *path, int mode)
{
	return access(path, mode) ? line(f, what, false, "%s: %s", path, strerror(errno))
				  : line(f, what, true, "%s", path);
}

static void check_parts(struct findings *f)
{
	bool daemon = check_part(f, "daemon", wqrun_daemon_path(), X_OK);
	char *shim = wqrun_shim_path();

	f->parts = shim && check_part(f, "wqrun's part", shim, R_OK) && daemon;
	free(shim);
}

static void check_mount(struct findings *f)
{
	const char *source;
	char *mount;
	int err = wq_mount_find_serving(&mount);

	if (err) /* find out why the nearest mount does not serve */
		err = wq_mount_find(&mount);

	if (err) {
		line(f, "mount", false, "no wqfs is mounted that would be yours");
		return;
	}
	err = wq_mount_check(mount);
	if (err) {
		line(f, "mount", false, "%s: %s", mount, wq_mount_reason(mount, err));
		free(mount);
		return;
	}
	f->mount = mount;
	source = wq_mount_source(mount);
	line(f, "mount", true, "%s%s%s", mount, *source ? ", " : "", source);
	if (wq_mount_is_old(mount))
		line(f, "its version", false, "%s", WQ_MOUNT_OLD);
}

/* ---- what follows ---- */

static bool conclude(const struct findings *f)
{
	fputc('\n', f->out);
	if (wq_facility_there(&f->facility)) {
		fputs("Programs use the kernel's own queues; wqrun would leave them to it.\n",
			f->out);
		return true;
	}
	if (!f->keys) {
		fputs("Without keys there is nothing to watch.\n", f->out);
		return false;
	}
	if (f->mount && f->parts) {
		fprintf(f->out, "wqrun would use the wqfs on %s.\n", f->mount);
		return true;
	}
	if (f->fuse && f->parts) {
		fprintf(f->out,
			"wqrun would start a private wqfs for each command, which %s.\n",
			f->bpf || f->trace
				? "learns of changes from the kernel"
				: "gets reports of what the command does, and polls");
		return true;
	}
	fprintf(f->out, "wqrun cannot run programs: see what says no above%s.\n",
		f->mount ? "; the mount can be used with wqctl" : "");
	return false;
}

bool wq_doctor(FILE *out)
{
	struct findings f = {.out = out};
	bool ok;

	check_facility(&f);
	check_keys(&f);
	check_quota(&f);
	check_fuse(&f);
	check_bpf(&f);
	check_tracing(&f);
	check_parts(&f);
	check_mount(&f);
	ok = conclude(&f);
	free(f.mount);
	return ok;
}
