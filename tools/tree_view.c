/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree_view.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array_size.h"
#include "tree.h"

#define TITLE_MAX 256

/* What the keys for left and right move by. */
#define STEP 8

/* ---- a row of a key ---- */

/* What there is room for. */
static unsigned int parts_for(int columns)
{
	if (columns < 40)
		return 0;
	if (columns < 70)
		return TREE_SERIAL | TREE_LEFT;
	if (columns < 110)
		return TREE_ALL & ~TREE_RIGHTS;
	return TREE_ALL;
}

/* The text of what is left changes with its largest unit; as tree_put_key() shows it. */
static void note_next_second(struct tree_view *v, time_t left, time_t now)
{
	static const time_t units[] = {604800, 86400, 3600, 60, 1};
	size_t i = 0;
	time_t next;

	while (i < ARRAY_SIZE(units) - 1 && left < units[i])
		i++;
	next = now + left % units[i] + 1;
	if (!v->next_second || next < v->next_second)
		v->next_second = next;
}

/* 0: never, as far as that is known. */
static time_t expires_at(const struct tree_view *v, const struct model_key *key)
{
	struct wq_expiry expiry;

	if (!v->watched || key_tree_id(v->watched, key->serial) < 0)
		return key->expires;
	expiry = expiry_of(v->expiry, key->serial);
	/* /proc/keys rounds down, so that it would not be shown as less before that is known */
	return expiry.from <= expiry.to ? expiry.to - 1 : key->expires;
}

static void set_left(struct tree_view *v, struct model_key *key)
{
	time_t now = v->now ? v->now : time(NULL), at = expires_at(v, key);

	if (!at && v->watched)
		json_object_del(key->json, "expires_in");
	if (!at)
		return;
	json_object_set_new(key->json, "expires_in", json_integer(at > now ? at - now : 0));
	if (at > now && !v->now)
		note_next_second(v, at - now, now);
}

static void put_row(FILE *out, const struct model_row *row, unsigned int parts)
{
	json_t *key = row->key->json;

	if (!json_object_get(key, "owner"))
		tree_name_owner(key);
	/* what has changed is more than who watches */
	tree_put_key(out, key, row->depth, row->note ? parts & ~TREE_WATCHES : parts);
	if (row->repeated)
		fputs("  (see above)", out);
	if (row->note)
		fprintf(out, "  <- %s", row->note->text);
}

static enum screen_look look_of(const struct model_row *row)
{
	static const enum screen_look looks[] = {
		[EVENT_NEW] = SCREEN_NEW,
		[EVENT_END] = SCREEN_END,
		[EVENT_CHANGE] = SCREEN_CHANGE,
	};

	return row->note ? looks[row->note->tone] : SCREEN_PLAIN;
}

static void draw_row(struct tree_view *v, int at, const struct model_row *row)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	set_left(v, row->key);
	put_row(out, row, parts_for(screen_columns(v->screen)));
	if (fclose(out) == 0)
		screen_put(v->screen, at, text, v->left, look_of(row));
	free(text);
}

/* ---- the screen ---- */

/* A low terminal has no room for more than keys. */
static int title_rows(const struct tree_view *v)
{
	return screen_rows(v->screen) >= 3;
}

static int last_rows(const struct tree_view *v)
{
	return screen_rows(v->screen) >= 6;
}

static size_t key_rows(const struct tree_view *v)
{
	return (size_t)(screen_rows(v->screen) - title_rows(v) - last_rows(v));
}

static void draw_title(struct tree_view *v)
{
	unsigned int keys = v->watched ? v->watched->graph.watched : HASH_COUNT(v->model->all);
	unsigned int not_watched = v->watched ? v->watched->graph.refused : 0;
	char text[TITLE_MAX], refused[32] = "";
	int columns = screen_columns(v->screen);

	if (not_watched)
		snprintf(refused, sizeof(refused), " (+%u unwatched)", not_watched);
	if (columns < 30)
		snprintf(text, sizeof(text), "%luR %luL", v->records, v->losses);
	else if (columns < 60)
		snprintf(text, sizeof(text), "keys %u  records %lu  losses %lu", keys,
			v->records, v->losses);
	else
		snprintf(text, sizeof(text), "keys %u%s  records %lu  losses %lu  of %s", keys,
			refused, v->records, v->losses, v->names);
	screen_put(v->screen, 0, text, 0, SCREEN_TITLE);
}

/* There may be fewer rows than before, or more room. */
static void keep_in_sight(struct tree_view *v)
{
	size_t rows = v->model->nr_rows, room = key_rows(v);

	if (rows <= room)
		v->top = 0;
	else if (v->top > rows - room)
		v->top = rows - room;
}

void tree_view_draw(struct tree_view *v)
{
	int at = title_rows(v);
	size_t end;

	keep_in_sight(v);
	v->next_second = 0;
	if (at)
		draw_title(v);
	end = v->top + key_rows(v);
	for (size_t i = v->top; i < end && i < v->model->nr_rows; i++)
		draw_row(v, at++, &v->model->rows[i]);
	screen_clear_from(v->screen, at);
	if (last_rows(v))
		screen_put(
			v->screen, screen_rows(v->screen) - 1, v->last, v->left, SCREEN_PLAIN);
	screen_show(v->screen);
}

/* ---- scrolling ---- */

static void up(struct tree_view *v, size_t rows)
{
	v->top -= rows < v->top ? rows : v->top;
}

bool tree_view_scroll(struct tree_view *v, enum screen_key key)
{
	switch (key) {
	case SCREEN_UP:
		up(v, 1);
		break;
	case SCREEN_DOWN:
		v->top++;
		break;
	case SCREEN_PAGE_UP:
		up(v, key_rows(v));
		break;
	case SCREEN_PAGE_DOWN:
		v->top += key_rows(v);
		break;
	case SCREEN_HOME:
		v->top = v->left = 0;
		break;
	case SCREEN_END_KEY:
		v->top = v->model->nr_rows;
		break;
	case SCREEN_LEFT:
		v->left -= STEP < v->left ? STEP : v->left;
		break;
	case SCREEN_RIGHT:
		v->left += STEP;
		break;
	default:
		return false;
	}
	keep_in_sight(v);
	return true;
}
