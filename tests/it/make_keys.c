/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adds N keys to the keyring RING, as many a keyring of their own as PER says, and prints how
 * many keyrings those are.
 *
 *   make_keys RING N PER
 */
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>

static key_serial_t add(const char *type, int n, key_serial_t ring)
{
	char name[32];

	snprintf(name, sizeof(name), "wqfs-test:%d", n);
	return add_key(type, name, *type == 'u' ? "x" : NULL, *type == 'u', ring);
}

int main(int argc, char **argv)
{
	key_serial_t ring = argc == 4 ? (key_serial_t)strtol(argv[1], NULL, 10) : 0,
		     inner = ring;
	int n = ring ? atoi(argv[2]) : -1, per = ring ? atoi(argv[3]) : 1, rings = 0;

	for (int i = 0; i < n && inner >= 0; i++) {
		if (i % per == 0)
			inner = add("keyring", rings++, ring);
		else if (add("user", i, inner) < 0)
			inner = -1;
	}
	if (n < 0 || inner < 0) {
		perror(argv[0]);
		return 1;
	}
	printf("%d\n", rings);
	return 0;
}
