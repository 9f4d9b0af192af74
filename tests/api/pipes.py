# SPDX-License-Identifier: LGPL-2.1-or-later
"""What asks whether it has a pipe takes a queue for one; nothing here knows of wqfs."""

import asyncio
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess

O_NOTIFICATION_PIPE = os.O_EXCL
IOC_WATCH_QUEUE_SET_SIZE = 0x5760
KEY_SPEC_PROCESS_KEYRING = -2
KEYCTL_UPDATE = 2

libc = ctypes.CDLL(None, use_errno=True)
keyutils = ctypes.CDLL("libkeyutils.so.1", use_errno=True)


def check(result):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def new_queue():
    fds = (ctypes.c_int * 2)()
    check(libc.pipe2(fds, O_NOTIFICATION_PIPE))
    fcntl.ioctl(fds[0], IOC_WATCH_QUEUE_SET_SIZE, 32)
    return fds[0], fds[1]


NODE = """
const socket = new (require("net").Socket)({fd: 3, readable: true, writable: false});
socket.on("data", d => { console.error(d.length); process.exit(d.length == 16 ? 0 : 1); });
"""


def shells():
    reading, writing = new_queue()
    for command in (["sh", "-c", "test -p /dev/stdin"], ["bash", "-c", "test -p /dev/stdin"],
                    [shutil.which("test"), "-p", "/dev/stdin"]):
        print(os.path.basename(command[0]), subprocess.run(command, stdin=reading).returncode)
    os.close(reading)
    os.close(writing)


def node():
    """A queue as descriptor 3, in which a record waits; nothing to do without node."""
    if not shutil.which("node"):
        return
    reading, writing = new_queue()
    key = check(keyutils.add_key(b"user", b"wqfs:node", b"1", 1, KEY_SPEC_PROCESS_KEYRING))
    check(keyutils.keyctl_watch_key(key, reading, 7))
    check(keyutils.keyctl_update(key, b"2", 1))
    os.dup2(reading, 3)
    subprocess.run(["node", "-e", NODE], pass_fds=[3], check=True)
    os.close(writing)


async def main():
    reading, writing = new_queue()
    key = check(keyutils.add_key(b"user", b"wqfs:asyncio", b"1", 1, KEY_SPEC_PROCESS_KEYRING))
    check(keyutils.keyctl_watch_key(key, reading, 7))
    stream = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", 0))
    check(keyutils.keyctl_update(key, b"2", 1))
    record = await asyncio.wait_for(stream.readexactly(16), 60)
    watch_type, info, serial = struct.unpack("=IIi", record[:12])
    print("type", watch_type & 0xffffff, "subtype", watch_type >> 24, "id", info >> 8 & 0xff,
          "our key" if serial == key else "another key")
    os.close(writing)
    print("end" if await asyncio.wait_for(stream.read(), 60) == b"" else "more")


asyncio.run(main())
shells()
node()
