/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor.h"
#include "wqctl.h"

static int run(const struct wqctl_cmd *cmd, int argc, char **argv)
{
	int status = wqctl_operands_only(cmd, argc, argv, 0, 0);

	if (status >= 0)
		return status;
	return wq_doctor(stdout) ? WQCTL_OK : WQCTL_FAILURE;
}

const struct wqctl_cmd wqctl_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "Say what this machine offers, and what wqfs would use",
	.help = "The exit status is 1 if wqrun could not run a program here.\n",
	.run = run,
};
