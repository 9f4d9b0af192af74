/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole of a terminal, by ncurses, which nothing else includes. A process has one at most:
 * ncurses is global.
 *
 * While it is open, messages on standard error that would go to the terminal wait for its end.
 * Writing to a terminal may block.
 */
#ifndef WQ_SCREEN_H
#define WQ_SCREEN_H

#include <stdbool.h>

struct screen;

enum screen_look { SCREEN_PLAIN, SCREEN_TITLE, SCREEN_NEW, SCREEN_END, SCREEN_CHANGE };

enum screen_key {
	SCREEN_NO_KEY,
	SCREEN_OTHER_KEY,
	SCREEN_QUIT,
	SCREEN_REDRAW,
	SCREEN_NEXT,
	SCREEN_UP,
	SCREEN_DOWN,
	SCREEN_LEFT,
	SCREEN_RIGHT,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END_KEY,
};

/* Why standard input and output are no terminal; NULL: they are. */
const char *screen_lacks(void);

/* Takes the terminal that they are. NULL: it cannot be used, and *WHY says why. With COLOUR,
 * changes have colours where the terminal has them. */
struct screen *screen_open(bool colour, const char **why);

/* Leaves the terminal as it was, and then says what has been said meanwhile. Only
 * screen_close() may follow. */
void screen_leave(struct screen *s);

/* Does the same without blocking, as far as that is possible, while another thread may be in
 * any other function for S but screen_close(). Then the process must end. */
void screen_abandon(struct screen *s);

/* Frees S, after screen_leave(). */
void screen_close(struct screen *s);

/* Takes the size that the terminal has now. */
void screen_resize(struct screen *s);
int screen_rows(const struct screen *s);
int screen_columns(const struct screen *s);

/* Puts TEXT, without its first SKIP columns, into ROW, as far as there is room. It is in the
 * locale's encoding, and control characters are escaped already; bytes that are no character
 * appear as \xNN. */
void screen_put(
	struct screen *s, int row, const char *text, unsigned int skip, enum screen_look look);

/* Clears ROW and all below it. */
void screen_clear_from(struct screen *s, int row);

/* Shows what has been put; it must all be put anew after a resize. */
void screen_show(struct screen *s);

/* The next key that was typed, without waiting. */
enum screen_key screen_key(struct screen *s);

/* Gives the terminal back and stops the process by SIGTSTP, which must be blocked. Returns when
 * it continues. */
void screen_suspend(struct screen *s);

/* Takes the terminal again, after others may have used it. */
void screen_resume(struct screen *s);

#endif
