/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many times longer things take here than on a real machine: the factor for time limits in
 * tests. It is 1 unless WQFS_TEST_SLOWNESS gives another. Only scripts/vm sets that, because an
 * emulated processor is 10 to 20 times slower, and more on a busy host.
 */
#ifndef TEST_SLOWNESS_H
#define TEST_SLOWNESS_H

#include <stdlib.h>
#include <unistd.h>

static inline int test_slowness(void)
{
	const char *text = getenv("WQFS_TEST_SLOWNESS");
	int times = text ? atoi(text) : 1;

	return times > 1 && times <= 100 ? times : 1;
}

/*
 * The factor for limits after which a test gives up, and not for those that it is to show:
 * besides that slowness, how many processes there are now for each processor.
 */
static inline int test_patience(void)
{
	double load = 0;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (getloadavg(&load, 1) != 1 || processors < 1)
		return test_slowness();
	return test_slowness() * (1 + (int)(load / (double)processors));
}

#endif
