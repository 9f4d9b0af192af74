/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <uthash.h>

#include "json_text.h"
#include "keys/proc_keys.h"
#include "mount_find.h"
#include "wqfs.h"

/* What is known of a key besides its description. */
struct fact {
	int32_t serial;
	struct wq_expiry expiry;
	bool has_expiry, expired, met;
	unsigned int lines; /* in /proc/keys */
	json_t *watches;    /* NULL: none */
	UT_hash_handle hh;
};

struct tree_facts {
	struct fact *all;
};

static struct fact *find_fact(const struct tree_facts *facts, int32_t serial)
{
	struct fact *f;

	HASH_FIND_INT(facts->all, &serial, f);
	return f;
}

static struct fact *fact_of(struct tree_facts *facts, int32_t serial)
{
	struct fact *f = find_fact(facts, serial);

	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->serial = serial;
	HASH_ADD_INT(facts->all, serial, f);
	if (f->hh.tbl)
		return f;
	free(f);
	return NULL;
}

/* ---- when they expire ---- */

/* A serial that stands there twice, or of which the kernel says something else, is not
 * believed: see keys/proc_keys.h. */
static void on_line(void *arg, const struct wq_proc_key *line)
{
	struct fact *f = fact_of(arg, line->serial);

	if (!f)
		return;
	f->lines++;
	f->has_expiry = f->lines == 1 && line->known && wq_proc_keys_agrees(line);
	f->expiry = line->expiry;
	f->expired = line->expired;
}

static void read_expiries(struct tree_facts *facts)
{
	struct wq_proc_keys *file = wq_proc_keys_open();

	while (file && wq_proc_keys_next(file, on_line, facts) > 0)
		;
	wq_proc_keys_close(file);
}

/* ---- which queues watch them ---- */

static void add_watch(struct tree_facts *facts, const char *queue, int32_t serial, int id)
{
	struct fact *f = fact_of(facts, serial);

	if (!f)
		return;
	if (!f->watches)
		f->watches = json_array();
	json_array_append_new(
		f->watches, json_pack("{s:o, s:i}", "queue", json_text(queue), "id", id));
}

/* Each line of TEXT begins with a serial and an id. */
static void add_watches(struct tree_facts *facts, const char *queue, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		int serial, id;

		if (sscanf(line, "%d %d", &serial, &id) == 2)
			add_watch(facts, queue, serial, id);
	}
}

static void read_queue(struct tree_facts *facts, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(XATTR_SIZE_MAX + 1);
	ssize_t len = text ? fgetxattr(fd, WQFS_XATTR_WATCHES, text, XATTR_SIZE_MAX) : -1;

	if (len >= 0) {
		text[len] = '\0';
		add_watches(facts, name, text);
	}
	free(text);
	if (fd >= 0)
		close(fd);
}

/* Reads the queues of a wqfs only: opening files elsewhere could have an effect. */
static void read_queues(struct tree_facts *facts, const char *mount)
{
	DIR *dir = wq_is_mount(mount) ? opendir(mount) : NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' || (entry->d_name[1] && entry->d_name[1] != '.'))
			read_queue(facts, dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
}

struct tree_facts *tree_facts_new(const char *mount)
{
	struct tree_facts *facts = calloc(1, sizeof(*facts));
	char *found = NULL;

	if (!facts)
		return NULL;
	if (mount || wq_mount_find(&found) == 0)
		read_queues(facts, mount ? mount : found);
	free(found);
	read_expiries(facts);
	return facts;
}

void tree_facts_free(struct tree_facts *facts)
{
	struct fact *f, *next;

	if (!facts)
		return;
	HASH_ITER (hh, facts->all, f, next) {
		HASH_DEL(facts->all, f);
		json_decref(f->watches);
		free(f);
	}
	free(facts);
}

/* ---- a key ---- */

/* The rights of one kind of user, in keyctl's letters. */
static json_t *letters_of(unsigned int rights)
{
	static const char letters[] = "alswrv";
	char text[sizeof(letters)];

	for (int i = 0; i < 6; i++)
		text[i] = rights & 0x20u >> i ? letters[i] : '-';
	text[6] = '\0';
	return json_string(text);
}

/* Adds what TEXT, "type;uid;gid;perm;description", says. */
static void add_description(json_t *key, char *text)
{
	unsigned int uid, gid, perm;
	int begin = 0;
	char *rest = strchr(text, ';');

	if (!rest || sscanf(rest, ";%u;%u;%x;%n", &uid, &gid, &perm, &begin) != 3 || !begin)
		return;
	*rest = '\0';
	json_object_set_new(key, "type", json_text(text));
	json_object_set_new(key, "description", json_text(rest + begin));
	json_object_set_new(key, "uid", json_integer(uid));
	json_object_set_new(key, "gid", json_integer(gid));
	json_object_set_new(key, "possessor", letters_of(perm >> 24));
	json_object_set_new(key, "user", letters_of(perm >> 16));
	json_object_set_new(key, "group", letters_of(perm >> 8));
	json_object_set_new(key, "other", letters_of(perm));
}

static void add_fact(json_t *key, const struct fact *f)
{
	/* What /proc/keys shows; the range begins a second before. */
	time_t left = f->expiry.from + 1 - time(NULL);

	if (f->has_expiry && f->expired)
		json_object_set_new(key, "expires_in", json_integer(0));
	else if (f->has_expiry && f->expiry.from <= f->expiry.to)
		json_object_set_new(key, "expires_in", json_integer(left > 0 ? left : 0));
	if (f->watches)
		json_object_set(key, "watched_by", f->watches);
}

json_t *tree_key(const struct tree_facts *facts, int32_t serial)
{
	json_t *key = json_pack("{s:i}", "serial", serial);
	const struct fact *f = find_fact(facts, serial);
	char *text = NULL;

	if (!key)
		return NULL;
	if (keyctl_describe_alloc(serial, &text) < 0)
		json_object_set_new(key, "error", json_string(strerror(errno)));
	else
		add_description(key, text);
	free(text);
	if (f)
		add_fact(key, f);
	return key;
}

/* ---- all below it ---- */

long tree_members(int32_t serial, int32_t **members)
{
	void *buffer = NULL;
	long len = keyctl_read_alloc(serial, &buffer);

	*members = buffer;
	return len < 0 ? -errno : len / (long)sizeof(**members);
}

static void add_members(
	struct tree_facts *facts, json_t *key, int32_t serial, unsigned int depth)
{
	int32_t *member = NULL;
	long nr = tree_members(serial, &member);
	json_t *members = nr < 0 ? NULL : json_array();

	if (nr < 0)
		json_object_set_new(key, "error", json_string(strerror((int)-nr)));
	for (long i = 0; i < nr; i++)
		json_array_append_new(members, tree_of(facts, member[i], depth - 1));
	free(member);
	if (members)
		json_object_set_new(key, "members", members);
}

json_t *tree_of(struct tree_facts *facts, int32_t serial, unsigned int depth)
{
	struct fact *f = fact_of(facts, serial);
	json_t *key = tree_key(facts, serial);
	const char *type = json_string_value(json_object_get(key, "type"));

	if (!key || !f || !type || strcmp(type, "keyring") != 0)
		return key;
	if (f->met) {
		json_object_set_new(key, "repeated", json_true());
	} else if (depth) {
		f->met = true;
		add_members(facts, key, serial, depth);
	}
	return key;
}
