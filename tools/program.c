/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <paths.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HEAD_SIZE 256 /* how much of a file the kernel reads (BINPRM_BUF_SIZE) */
#define INTERPRETERS_MAX \
	5 /* the interpreter of a script may be a script itself (exec_binprm()) */
#define SEGMENTS_MAX 1024

union head {
	char text[HEAD_SIZE + 1];
	ElfW(Ehdr) elf;
};

/* ---- finding it ---- */

static bool is_program(const char *path)
{
	struct stat st;

	return !access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode);
}

static char *find_in(char *list, const char *name)
{
	char *dir, *found = NULL;

	while ((dir = strsep(&list, ":"))) {
		if (asprintf(&found, "%s/%s", *dir ? dir : ".", name) < 0)
			return NULL;
		if (is_program(found))
			return found;
		free(found);
	}
	return NULL;
}

char *wq_program_find(const char *command)
{
	const char *path = getenv("PATH");
	char *list, *found;

	if (strchr(command, '/'))
		return is_program(command) ? strdup(command) : NULL;
	list = strdup(path ? path : "/bin:/usr/bin");
	found = list ? find_in(list, command) : NULL;
	free(list);
	return found;
}

/* ---- its first bytes ---- */

/* False if the file cannot be read: a user may be allowed to run a program and
 * not to read it. */
static bool read_head(const char *path, union head *h)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n = -1;

	memset(h, 0, sizeof(*h));
	if (fd < 0)
		return false;
	/* A script may name a FIFO. The kernel executes none, and reading one could block. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, h->text, HEAD_SIZE);
	close(fd);
	return n > 0;
}

static bool is_elf(const union head *h)
{
	return !memcmp(h->text, ELFMAG, SELFMAG);
}

/* Cuts the interpreter out of a line "#! PATH ARGUMENT", in place. NULL: the file
 * is no script. */
static char *interpreter(union head *h)
{
	char *path;

	if (strncmp(h->text, "#!", 2))
		return NULL;
	path = h->text + 2 + strspn(h->text + 2, " \t");
	path[strcspn(path, " \t\n")] = '\0';
	return path;
}

/* ---- the libraries of several architectures ---- */

static bool same_architecture(const union head *a, const union head *b)
{
	return a->elf.e_ident[EI_CLASS] == b->elf.e_ident[EI_CLASS] &&
	       a->elf.e_ident[EI_DATA] == b->elf.e_ident[EI_DATA] &&
	       a->elf.e_machine == b->elf.e_machine;
}

#define LIB "$LIB"

/* Finds the files that LIBRARY may be, with PATTERN in place of "$LIB", which only dynamic
 * linkers know. */
static void add_files(const char *library, const char *pattern, glob_t *files)
{
	const char *lib = strstr(library, LIB);
	char *name;

	if (asprintf(&name, "%.*s%s%s", (int)(lib - library), library, pattern,
		    lib + sizeof(LIB) - 1) < 0)
		return;
	glob(name, files->gl_pathc ? GLOB_APPEND : 0, NULL, files);
	free(name);
}

/* Is there a library for the architecture of PROGRAM? True also if LIBRARY is no library: that
 * is for somebody else to say. */
static bool has_library(const char *library, const union head *program)
{
	glob_t files = {0};
	bool found = false;
	union head h;

	if (!strstr(library, LIB))
		return !read_head(library, &h) || !is_elf(&h) || same_architecture(&h, program);
	add_files(library, "lib*", &files);
	add_files(library, "lib/*", &files);
	for (size_t i = 0; !found && i < files.gl_pathc; i++)
		found = read_head(files.gl_pathv[i], &h) && is_elf(&h) &&
			same_architecture(&h, program);
	globfree(&files);
	return found;
}

/* Why there is no library for the program H. LIBRARY has "$LIB" in it where packages of several
 * architectures can be installed side by side. */
static const char *other_architecture(const char *library, const union head *h)
{
	if (!strstr(library, LIB))
		return "is built for another architecture";
	if (h->elf.e_machine == EM_386)
		return "is built for i386, and the preload library for i386 is not installed "
		       "(Debian: libwqshim:i386)";
	if (h->elf.e_machine == EM_ARM)
		return "is built for 32-bit ARM, and the preload library for that is not "
		       "installed (Debian: libwqshim:armhf)";
	return "is built for another architecture, and the preload library for that is not "
	       "installed (Debian: libwqshim)";
}

/* ---- what keeps a library out ---- */

/* Why does the dynamic linker ignore LD_PRELOAD for the program at PATH? Because the kernel
 * sets AT_SECURE for it (cap_bprm_creds_from_file()). */
static const char *more_rights(const char *path)
{
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st) || statvfs(path, &fs) || fs.f_flag & ST_NOSUID ||
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return NULL;
	if (st.st_mode & S_ISUID && st.st_uid != getuid())
		return "is set-user-ID";
	if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && st.st_gid != getgid())
		return "is set-group-ID";
	if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		return "has capabilities that its caller has not";
	return NULL;
}

/* Finds the dynamic linker that the program at PATH, built for our architecture, asks for.
 * False: it asks for none. NAME is empty if the file does not show which. */
static bool find_linker(const char *path, const union head *h, char name[PATH_MAX])
{
	const ElfW(Ehdr) *elf = &h->elf;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool found =
		fd < 0 || elf->e_phentsize != sizeof(ElfW(Phdr)) || elf->e_phnum > SEGMENTS_MAX;

	memset(name, 0, PATH_MAX);
	for (size_t i = 0; !found && i < elf->e_phnum; i++) {
		ElfW(Phdr) segment;
		off_t at = (off_t)(elf->e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != (ssize_t)sizeof(segment))
			found = true;
		else if (segment.p_type == PT_INTERP && segment.p_filesz < PATH_MAX)
			found = pread(fd, name, segment.p_filesz, (off_t)segment.p_offset) > 0;
	}
	if (fd >= 0)
		close(fd);
	return found;
}

/* The dynamic linker, run as a program, loads preloaded libraries though it is not linked to
 * any library itself. */
static bool is_linker(const char *path)
{
	static const char self[] = "/proc/self/exe";
	char name[PATH_MAX];
	struct stat a, b;
	union head h;

	return read_head(self, &h) && find_linker(self, &h, name) && !stat(name, &a) &&
	       !stat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static const char *elf_unreached(
	const char *path, const union head *program, const char *library)
{
	char name[PATH_MAX];
	union head self;

	if (!has_library(library, program))
		return other_architecture(library, program);
	/* of other architectures we do not know the dynamic linker */
	if (read_head("/proc/self/exe", &self) && same_architecture(&self, program) &&
		!find_linker(path, program, name) && !is_linker(path))
		return "is statically linked";
	return more_rights(path);
}

/* ---- the answer ---- */

const char *wq_program_unreached(const char *path, const char *library, const char **subject)
{
	static char who[HEAD_SIZE + sizeof("its interpreter ")];
	union head program;
	char script[HEAD_SIZE + 1];

	*subject = "it";
	for (int i = 0; i < INTERPRETERS_MAX; i++) {
		const char *next;

		if (!read_head(path, &program))
			return more_rights(path);
		if (is_elf(&program))
			return elf_unreached(path, &program, library);
		/* execvp() itself passes a file that is neither to the shell */
		next = interpreter(&program);
		snprintf(script, sizeof(script), "%s", next ? next : _PATH_BSHELL);
		path = script;
		snprintf(who, sizeof(who), "its interpreter %s", path);
		*subject = who;
	}
	return NULL;
}
