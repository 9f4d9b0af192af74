/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "base/array_size.h"
#include "base/unused.h"

/* A key that is an escape sequence arrives at once. */
#define ESCAPE_MS 25

struct screen {
	SCREEN *terminal;
	attr_t looks[SCREEN_CHANGE + 1];
	int messages, stderr_before; /* -1: standard error is not the terminal */
	/* What screen_abandon() needs. */
	struct termios modes_before;
	int terminal_fd; /* does not block; -1: there is none */
	char restoring[128];
};

/* ---- messages ---- */

static void hold_messages(struct screen *s)
{
	s->messages = s->stderr_before = -1;
	if (!isatty(STDERR_FILENO))
		return;
	s->messages = memfd_create("messages", MFD_CLOEXEC);
	s->stderr_before = s->messages < 0 ? -1 : dup(STDERR_FILENO);
	if (s->stderr_before >= 0)
		dup2(s->messages, STDERR_FILENO);
}

static void write_all(int fd, const char *text, ssize_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, (size_t)len);

		if (n < 0)
			return;
		text += n;
		len -= n;
	}
}

static void tell_messages(const struct screen *s, int fd)
{
	char text[1024];
	ssize_t n;

	for (off_t at = 0; (n = pread(s->messages, text, sizeof(text), at)) > 0; at += n)
		write_all(fd, text, n);
}

/* ---- leaving in a hurry ---- */

/* Appends the terminal's sequence called NAME, without its pauses. */
static void add_sequence(struct screen *s, const char *name)
{
	const char *sequence = tigetstr(name);
	size_t len = strlen(s->restoring);

	if (!sequence || sequence == (const char *)-1)
		return;
	while (*sequence && len + 1 < sizeof(s->restoring)) {
		if (!strncmp(sequence, "$<", 2) && strchr(sequence, '>'))
			sequence = strchr(sequence, '>') + 1;
		else
			s->restoring[len++] = *sequence++;
	}
}

/* A description of the terminal that we share with nobody, so that nobody else's writes fail.
 */
static void prepare_to_abandon(struct screen *s)
{
	static const char *const names[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"};

	s->terminal_fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		add_sequence(s, names[i]);
}

void screen_abandon(struct screen *s)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &s->modes_before);
	if (s->terminal_fd < 0)
		return;
	write_all(s->terminal_fd, s->restoring, (ssize_t)strlen(s->restoring));
	if (s->stderr_before >= 0)
		tell_messages(s, s->terminal_fd);
}

/* ---- its life ---- */

const char *screen_lacks(void)
{
	if (!isatty(STDIN_FILENO))
		return "standard input is not a terminal";
	return isatty(STDOUT_FILENO) ? NULL : "standard output is not a terminal";
}

/* Without this sequence no row has a place. tigetstr() returns NULL or -1 if there is none. */
static bool can_move_cursor(void)
{
	const char *sequence = tigetstr("cup");

	return sequence && sequence != (const char *)-1;
}

static void set_looks(struct screen *s, bool colour)
{
	static const short colours[] = {
		[SCREEN_NEW] = COLOR_GREEN,
		[SCREEN_END] = COLOR_RED,
		[SCREEN_CHANGE] = COLOR_YELLOW,
	};

	s->looks[SCREEN_TITLE] = A_REVERSE;
	for (int i = SCREEN_NEW; i <= SCREEN_CHANGE; i++)
		s->looks[i] = A_BOLD;
	if (!colour || !has_colors() || start_color() != OK || use_default_colors() != OK)
		return;
	for (short i = SCREEN_NEW; i <= SCREEN_CHANGE; i++)
		if (init_pair(i, colours[i], -1) == OK)
			s->looks[i] = COLOR_PAIR(i) | A_BOLD;
}

/* The user's own keys for signals stay. Control-S does not: it would stop us, and who sends
 * SIGTERM then would wait for control-Q. */
static void set_modes(void)
{
	struct termios modes;

	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	if (tcgetattr(STDIN_FILENO, &modes) == 0) {
		modes.c_iflag &= ~(tcflag_t)IXON;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
		def_prog_mode();
	}
}

struct screen *screen_open(bool colour, const char **why)
{
	struct screen *s;

	setlocale(LC_CTYPE, "");
	s = calloc(1, sizeof(*s));
	*why = s ? NULL : strerror(ENOMEM);
	if (!s)
		return NULL;
	tcgetattr(STDIN_FILENO, &s->modes_before);
	s->terminal = newterm(NULL, stdout, stdin);
	if (!s->terminal) {
		*why = "this terminal is not known (see TERM)";
		free(s);
		return NULL;
	}
	hold_messages(s);
	prepare_to_abandon(s);
	if (!can_move_cursor()) {
		*why = "this terminal cannot move its cursor (see TERM)";
		screen_leave(s);
		screen_close(s);
		return NULL;
	}
	set_modes();
	set_looks(s, colour);
	curs_set(0);
	screen_resize(s);
	return s;
}

static void give_back(void)
{
	curs_set(1);
	endwin();
}

void screen_leave(struct screen *s)
{
	give_back();
	if (s->stderr_before < 0)
		return;
	dup2(s->stderr_before, STDERR_FILENO);
	tell_messages(s, STDERR_FILENO);
}

static void close_file(int fd)
{
	if (fd >= 0)
		close(fd);
}

void screen_close(struct screen *s)
{
	delscreen(s->terminal);
	close_file(s->messages);
	close_file(s->stderr_before);
	close_file(s->terminal_fd);
	free(s);
}

void screen_resize(struct screen *s WQ_UNUSED)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

int screen_rows(const struct screen *s WQ_UNUSED)
{
	return getmaxy(stdscr);
}

int screen_columns(const struct screen *s WQ_UNUSED)
{
	return getmaxx(stdscr);
}

void screen_resume(struct screen *s)
{
	reset_prog_mode();
	screen_resize(s);
	clearok(curscr, TRUE);
}

void screen_suspend(struct screen *s)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL}, before;
	sigset_t set, mask;

	give_back();
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaction(SIGTSTP, &by_default, &before);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, &mask); /* it stops here */
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGTSTP, &before, NULL);
	screen_resume(s);
	curs_set(0);
}

/* ---- text ---- */

/* What is being cut out of a text. */
struct cut {
	int column, from, to; /* the columns that are seen: from and up to, but not with, TO */
	wchar_t *cells;
	size_t nr;
};

/* Half of a wide character is a space. */
static void add(struct cut *cut, wchar_t c)
{
	int width = wcwidth(c), first = cut->column;

	if (width < 0) {
		c = L'?';
		width = 1;
	}
	cut->column += width;
	if (first >= cut->from && cut->column <= cut->to)
		cut->cells[cut->nr++] = c;
	else if (cut->column > cut->from && first < cut->to)
		cut->cells[cut->nr++] = L' ';
}

static void add_byte(struct cut *cut, unsigned char byte)
{
	static const wchar_t digits[] = L"0123456789abcdef";

	add(cut, L'\\');
	add(cut, L'x');
	add(cut, digits[byte >> 4]);
	add(cut, digits[byte & 15]);
}

static void cut_text(struct cut *cut, const char *text)
{
	const char *end = text + strlen(text);
	mbstate_t state = {0};

	while (text < end && cut->column < cut->to) {
		wchar_t c;
		size_t len = mbrtowc(&c, text, (size_t)(end - text), &state);

		if (len == (size_t)-1 || len == (size_t)-2) {
			add_byte(cut, (unsigned char)*text++);
			state = (mbstate_t){0};
		} else {
			add(cut, c);
			text += len;
		}
	}
}

void screen_put(
	struct screen *s, int row, const char *text, unsigned int skip, enum screen_look look)
{
	int columns = screen_columns(s);
	struct cut cut = {.from = (int)skip, .to = (int)skip + columns};

	/* a byte becomes four cells at most */
	cut.cells = calloc(4 * strlen(text) + 1, sizeof(*cut.cells));
	if (!cut.cells)
		return;
	cut_text(&cut, text);
	move(row, 0);
	clrtoeol();
	attrset(s->looks[look]);
	addnwstr(cut.cells, (int)cut.nr);
	attrset(A_NORMAL);
	if (look == SCREEN_TITLE)
		mvchgat(row, 0, -1, s->looks[look], 0, NULL);
	free(cut.cells);
}

void screen_clear_from(struct screen *s, int row)
{
	if (row >= screen_rows(s))
		return;
	move(row, 0);
	clrtobot();
}

void screen_show(struct screen *s WQ_UNUSED)
{
	refresh();
}

/* ---- keys ---- */

enum screen_key screen_key(struct screen *s WQ_UNUSED)
{
	static const struct {
		int code;
		enum screen_key key;
	} keys[] = {
		{ERR, SCREEN_NO_KEY},
		{'q', SCREEN_QUIT},
		{'L' & 31, SCREEN_REDRAW},
		{'n', SCREEN_NEXT},
		{KEY_UP, SCREEN_UP},
		{'k', SCREEN_UP},
		{KEY_DOWN, SCREEN_DOWN},
		{'j', SCREEN_DOWN},
		{KEY_LEFT, SCREEN_LEFT},
		{KEY_RIGHT, SCREEN_RIGHT},
		{KEY_PPAGE, SCREEN_PAGE_UP},
		{KEY_NPAGE, SCREEN_PAGE_DOWN},
		{' ', SCREEN_PAGE_DOWN},
		{KEY_HOME, SCREEN_HOME},
		{KEY_END, SCREEN_END_KEY},
	};
	int code = getch();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].code == code)
			return keys[i].key;
	return SCREEN_OTHER_KEY;
}
