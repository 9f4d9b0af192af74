# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waits for records as event loops of Python do, and writes them.

usage: waiter.py poll|epoll QUEUE     of the queue of that name
       waiter.py poll|epoll KEY       of a queue of its own, made as on a kernel with the facility
"""
import ctypes
import fcntl
import os
import select
import sys

O_NOTIFICATION_PIPE = os.O_EXCL
IOC_WATCH_QUEUE_SET_SIZE = 0x5760
SYS_KEYCTL, KEYCTL_WATCH_KEY = 250, 32


def watch(key):
    fd, _ = os.pipe2(O_NOTIFICATION_PIPE | os.O_NONBLOCK)
    fcntl.ioctl(fd, IOC_WATCH_QUEUE_SET_SIZE, 16)
    if ctypes.CDLL(None).syscall(SYS_KEYCTL, KEYCTL_WATCH_KEY, key, fd, 1) != 0:
        sys.exit("the key cannot be watched")
    return fd


how, what = sys.argv[1:]
fd = watch(int(what)) if what.isdigit() else os.open(what, os.O_RDONLY | os.O_NONBLOCK)
waiting = select.epoll() if how == "epoll" else select.poll()
waiting.register(fd, select.POLLIN)
while True:
    waiting.poll()
    try:
        os.write(1, os.read(fd, 4096))
    except BlockingIOError:
        pass
