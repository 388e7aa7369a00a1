/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * still-root.c: for LD_PRELOAD.  setuid(0) succeeds, as on a host where giving
 * up root did not work.
 */

#include <unistd.h>

int
setuid(uid_t uid)
{
	return 0;
}
