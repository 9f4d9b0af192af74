# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Booting a kernel with QEMU, without KVM, for one command. Shared by scripts/vm and
# tests/golden/record. To be sourced.
#
#   qemu_init               prints the /init of the guest, for qemu_boot. It needs
#                           /bin/busybox there and /vm/job, a script for /bin/sh; if there is
#                           one it runs /vm/prepare first, which may start another init,
#                           that then calls "/init job"
#   qemu_pack ROOT          the files of directory ROOT as an initramfs, on stdout
#   qemu_boot KERNEL INITRD DIR SECONDS WORDS
#                           boots, with WORDS on the kernel's command line; the job's output
#                           goes to stdout and stderr, byte for byte, while it runs. Returns
#                           its exit status; 124: it had not ended after SECONDS; 125: it
#                           never began, or the kernel died. DIR/console has what the kernel
#                           said. If there is DIR/disk the guest has it as /dev/vda, and may
#                           reboot: a job that is about to makes /run/reboots.
#   qemu_end                ends what qemu_boot has started; for the traps of the caller
#
# The guest talks over four serial ports: the kernel's console, the job's output, its errors,
# and its exit status.
#
# What QEMU 7.2 does wrong is avoided: threads for processors miss that the kernel has patched
# its code (an int3 that nobody expects); without threads, cmpxchg16b spoils the flags. On a busy
# host the kernel finds that the timer does not interrupt it, and panics: no_timer_check.

qemu_pid=
qemu_readers=

qemu_init() {
	cat <<-'INIT'
		#!/bin/busybox sh
		export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/
		[ -x /bin/sh ] || /bin/busybox --install -s /bin
		if [ "$1" != job ]; then
			busybox mount -t proc proc /proc
			busybox mount -t sysfs sys /sys
			busybox mount -t devtmpfs dev /dev 2>/dev/null
			[ ! -f /vm/prepare ] || . /vm/prepare
		fi
		for port in 1 2 3; do
			busybox stty -F /dev/ttyS$port 115200 raw -echo
		done
		sh /vm/job </dev/null >/dev/ttyS1 2>/dev/ttyS2
		status=$?
		# stty waits until all has been sent, as the end of echo does
		busybox stty -F /dev/ttyS1 raw
		busybox stty -F /dev/ttyS2 raw
		# the end of this machine will be the beginning of the next, which says how it ended
		[ ! -e /run/reboots ] || exec sleep infinity
		echo $status >/dev/ttyS3
		[ ! -b /dev/vda ] || busybox poweroff -f
		busybox reboot -f
	INIT
}

qemu_pack() {
	(cd "$1" && find . | cpio -o -H newc -R +0:+0 --quiet)
}

qemu_end() {
	[ -z "$qemu_pid" ] || kill "$qemu_pid" 2>/dev/null || :
	[ -z "$qemu_pid" ] || wait "$qemu_pid" 2>/dev/null || :
	for reader in $qemu_readers; do
		kill "$reader" 2>/dev/null || :
	done
	qemu_pid=
	qemu_readers=
}

qemu_boot() { # KERNEL INITRD DIR SECONDS WORDS
	rm -f "$3/job.out" "$3/job.err" "$3/job.status"
	mkfifo "$3/job.out" "$3/job.err"
	if [ -e "$3/disk" ]; then
		qemu_words="-drive file=$3/disk,format=raw,if=virtio"
	else
		qemu_words=-no-reboot
	fi
	cat "$3/job.out" &
	qemu_readers=$!
	cat "$3/job.err" >&2 &
	qemu_readers="$qemu_readers $!"
	# shellcheck disable=SC2086 # words
	nice -n 10 timeout -k 5 "$4" qemu-system-x86_64 -accel tcg,thread=single -cpu qemu64,-cx16 \
		-m 2048 -smp 2 -nodefaults -no-user-config -display none $qemu_words \
		-serial "file:$3/console" -serial "file:$3/job.out" -serial "file:$3/job.err" \
		-serial "file:$3/job.status" -kernel "$1" -initrd "$2" \
		-append "console=ttyS0 panic=-1 oops=panic loglevel=4 no_timer_check $5" </dev/null >"$3/qemu.log" 2>&1 &
	qemu_pid=$!
	qemu_status=0
	wait "$qemu_pid" || qemu_status=$?
	qemu_pid=
	# they end by themselves if QEMU has opened the other ends
	[ ! -e "$3/job.status" ] || for reader in $qemu_readers; do
		wait "$reader" || :
	done
	qemu_end
	[ "$qemu_status" != 124 ] || return 124
	[ -s "$3/job.status" ] || return 125
	return "$(tr -d '\r\n' <"$3/job.status")"
}
