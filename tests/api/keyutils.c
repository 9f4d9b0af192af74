/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of libkeyutils that the programs here call, for builds for which this machine
 * has no such library (tests/it/test_wqrun_32). Like that library they do nothing but call
 * syscall().
 */
#include <sys/syscall.h>
#include <unistd.h>
#include <keyutils.h>

key_serial_t add_key(const char *type, const char *description, const void *payload,
	size_t size, key_serial_t ring)
{
	return (key_serial_t)syscall(SYS_add_key, type, description, payload, size, ring);
}

long keyctl_capabilities(unsigned char *buf, size_t size)
{
	return syscall(SYS_keyctl, KEYCTL_CAPABILITIES, buf, size);
}

long keyctl_clear(key_serial_t ring)
{
	return syscall(SYS_keyctl, KEYCTL_CLEAR, ring);
}

key_serial_t keyctl_get_keyring_ID(key_serial_t key, int create)
{
	return (key_serial_t)syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, key, create);
}

key_serial_t keyctl_join_session_keyring(const char *name)
{
	return (key_serial_t)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
}

long keyctl_link(key_serial_t key, key_serial_t ring)
{
	return syscall(SYS_keyctl, KEYCTL_LINK, key, ring);
}

long keyctl_setperm(key_serial_t key, key_perm_t perm)
{
	return syscall(SYS_keyctl, KEYCTL_SETPERM, key, perm);
}

long keyctl_unlink(key_serial_t key, key_serial_t ring)
{
	return syscall(SYS_keyctl, KEYCTL_UNLINK, key, ring);
}

long keyctl_update(key_serial_t key, const void *payload, size_t size)
{
	return syscall(SYS_keyctl, KEYCTL_UPDATE, key, payload, size);
}

long keyctl_watch_key(key_serial_t key, int fd, int watch_id)
{
	return syscall(SYS_keyctl, KEYCTL_WATCH_KEY, key, fd, watch_id);
}
