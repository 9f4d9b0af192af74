/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "style_args.h"

#include "args.h"
#include "template.h"

void style_args_init(struct style_args *args)
{
	*args = (struct style_args){.style.format = WQFS_FORMAT_TEXT};
	args->style.colour = event_wants_colour(stdout);
}

void style_args_fini(struct style_args *args)
{
	template_free(args->template);
}

static int take_template(const struct wqctl_cmd *cmd, struct style_args *args, const char *text)
{
	char why[400];

	template_free(args->template);
	args->template = template_new(text, why, sizeof(why));
	args->style.template = args->template;
	return args->template ? -1 : wqctl_usage(cmd, "invalid template: %s", why);
}

int style_args_take(const struct wqctl_cmd *cmd, struct style_args *args, int option)
{
	switch (option) {
	case STYLE_FORMAT:
		return args_format(cmd, optarg, &args->style.format);
	case STYLE_TEMPLATE:
		return take_template(cmd, args, optarg);
	case 't':
	case STYLE_UTC:
		args->style.clock = EVENT_CLOCK_UTC;
		return -1;
	case STYLE_LOCAL:
		args->style.clock = EVENT_CLOCK_LOCAL;
		return -1;
	case STYLE_WHO: /* is shown in any case */
		return -1;
	default:
		return wqctl_other_option(cmd, option);
	}
}
