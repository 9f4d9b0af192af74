/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A statically linked program, that says "works", whatever it is asked. */
#include <stdio.h>

int main(void)
{
	return puts("works") < 0;
}
