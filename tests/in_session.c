/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * in_session COMMAND [ARG...]: runs COMMAND in a new session keyring and says nothing, where
 * keyctl session would print which keyring that is.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <keyutils.h>

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: in_session COMMAND [ARG...]\n");
		return 2;
	}
	/* A test may have denied COMMAND all calls about keys. */
	if (keyctl_join_session_keyring(NULL) < 0 && errno != EPERM) {
		perror("in_session: a new session keyring");
		return 126;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
