/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place where privileges are given up (capabilities(7), libcap-ng).
 * Main thread, at the start, before any other thread; on an error the caller
 * exits.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct {
	char *user;        /* become this one; NULL: stay who we are */
	char *root;        /* chroot(2) there; NULL: not */
	gboolean read_all; /* keep CAP_DAC_READ_SEARCH, where we have it */
} AsnPrivilege;

/* Whether these options fit who started us: root needs a user, nobody else can
 * become one.  NULL, or what to do instead; free it. */
char *asn_privilege_refuses(const AsnPrivilege *want, const char *program);

/* Gives up everything but what is wanted, also from the inheritable, ambient
 * and (where we may) bounding sets, forbids any gain by exec, and looks whether
 * it worked: reads back what the kernel says, and after root tries to become
 * root again.  With a user the groups are that one's.  *kept (may be NULL): the
 * capability is there. */
gboolean asn_privilege_drop(
    const AsnPrivilege *want, gboolean *kept, GError **error);

/* Gives a socket that root made to the user, and to its first group unless the
 * directory chose another one (set-group-ID).  The directory may be the user's:
 * a link, or what is no socket, is refused and stays as it is. */
gboolean asn_privilege_give(
    const AsnPrivilege *want, const char *path, GError **error);
