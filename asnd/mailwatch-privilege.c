/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-privilege.c: keep CAP_DAC_READ_SEARCH, drop the rest. */

#include <cap-ng.h>
#include <errno.h>
#include <gio/gio.h>
#include <sys/prctl.h>

#include "mailwatch-privilege.h"

static gboolean
fail(GError **error, const char *what)
{
	int code = errno;

	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code),
	    "cannot give up privileges: %s: %s", what, g_strerror(code));
	return FALSE;
}

/* Reads back what the kernel says now. */
static gboolean
only_the_one_is_left(gboolean may_read)
{
	if (capng_get_caps_process() != 0)
		return FALSE;
	for (unsigned cap = 0; cap <= (unsigned)CAP_LAST_CAP; cap++) {
		gboolean wanted = cap == CAP_DAC_READ_SEARCH && may_read;
		gboolean effective =
		    capng_have_capability(CAPNG_EFFECTIVE, cap) != 0;
		if (effective != wanted ||
		    (capng_have_capability(CAPNG_PERMITTED, cap) && !wanted) ||
		    capng_have_capability(CAPNG_INHERITABLE, cap) ||
		    capng_have_capability(CAPNG_AMBIENT, cap))
			return FALSE;
	}
	return TRUE;
}

gboolean
mw_privilege_drop(gboolean *may_read, GError **error)
{
	gboolean bounds;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(error, "no_new_privs");
	if (capng_get_caps_process() != 0)
		return fail(error, "reading them");
	*may_read =
	    capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH) != 0;
	bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
	capng_clear(CAPNG_SELECT_ALL);
	if (*may_read)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		    CAP_DAC_READ_SEARCH);
	if (bounds && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return fail(error, "the bounding set");
	if (capng_apply(CAPNG_SELECT_AMBIENT) != 0)
		return fail(error, "the ambient set");
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return fail(error, "the capabilities");
	if (only_the_one_is_left(*may_read))
		return TRUE;
	errno = EPERM;
	return fail(error, "some are still there");
}
