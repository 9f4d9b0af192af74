/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WQ_THREAD_H
#define WQ_THREAD_H

#include <pthread.h>

/* Starts a thread that runs RUN(ARG), and to which no signal is delivered: those of the process
 * are for the threads that there are. 0 or -errno. */
int wq_thread_begin(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif
