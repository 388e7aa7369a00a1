/* SPDX-License-Identifier: GPL-2.0-or-later */
/* privilege.c: from root to a user, and down to one capability or none. */

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privilege.h"

static gboolean
fail(GError **error, const char *what)
{
	int code = errno;

	g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(code),
	    "cannot give up privileges: %s: %s", what, g_strerror(code));
	return FALSE;
}

static const struct passwd *
find_user(const char *name, GError **error)
{
	const struct passwd *pw;

	errno = 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): before there are threads */
	pw = getpwnam(name);
	if (pw != NULL && pw->pw_uid != 0 && pw->pw_gid != 0)
		return pw;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
	    "--user %s: %s", name,
	    pw != NULL ? "is root, or in root's group"
	    : errno    ? g_strerror(errno)
		       : "there is no such user");
	return NULL;
}

char *
asn_privilege_refuses(const AsnPrivilege *want, const char *program)
{
	const struct passwd *pw;
	gboolean root = getuid() == 0 || geteuid() == 0;

	if (root && want->user == NULL)
		return g_strdup_printf(
		    "%s does not run as root: add --user NAME, and it becomes "
		    "that user and gives up all else",
		    program);
	if (root)
		return NULL;
	if (want->root != NULL)
		return g_strdup_printf("--chroot needs to be started as root");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): before there are threads */
	pw = want->user != NULL ? getpwnam(want->user) : NULL;
	if (want->user != NULL && (pw == NULL || pw->pw_uid != getuid()))
		return g_strdup_printf(
		    "--user %s: only root can become another user", want->user);
	return NULL;
}

/* What is under the name may change at any time: one look, at what is then
 * given. */
static gboolean
give_socket(const char *path, const struct passwd *pw)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), saved;
	struct stat st;
	gboolean ok;

	if (fd < 0)
		return FALSE;
	ok = fstat(fd, &st) == 0;
	if (ok && !S_ISSOCK(st.st_mode)) {
		errno = ENOTSOCK;
		ok = FALSE;
	}
	ok = ok && fchownat(fd, "", pw->pw_uid,
		       st.st_gid == getegid() ? pw->pw_gid : (gid_t)-1,
		       AT_EMPTY_PATH) == 0;
	saved = errno;
	close(fd);
	errno = saved;
	return ok;
}

gboolean
asn_privilege_give(const AsnPrivilege *want, const char *path, GError **error)
{
	const struct passwd *pw;

	if (want->user == NULL || geteuid() != 0)
		return TRUE;
	pw = find_user(want->user, error);
	if (pw == NULL)
		return FALSE;
	return give_socket(path, pw) || fail(error, path);
}

/* --- is it all gone? --------------------------------------------------------
 */

/* Exactly the one, or none, and that not to be handed on. */
static gboolean
only_wanted_is_left(gboolean keep)
{
	if (capng_get_caps_process() != 0)
		return FALSE;
	for (unsigned cap = 0; cap <= (unsigned)CAP_LAST_CAP; cap++) {
		gboolean wanted = keep && cap == CAP_DAC_READ_SEARCH;
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

static gboolean
is_user(const struct passwd *pw)
{
	uid_t uid[3];
	gid_t gid[3], group[1024];
	int n = getgroups(G_N_ELEMENTS(group), group);

	if (n < 0 || getresuid(&uid[0], &uid[1], &uid[2]) != 0 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) != 0)
		return FALSE;
	for (int i = 0; i < 3; i++)
		if (uid[i] != pw->pw_uid || gid[i] != pw->pw_gid)
			return FALSE;
	for (int i = 0; i < n; i++)
		if (group[i] == 0)
			return FALSE;
	return TRUE;
}

static gboolean
root_comes_back(void)
{
	static const gid_t wheel[] = {0};

	return setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0 ||
	       setgid(0) == 0 || setegid(0) == 0 || setgroups(1, wheel) == 0;
}

/* --- giving it up -----------------------------------------------------------
 */

static void
choose(gboolean keep)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (keep)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		    CAP_DAC_READ_SEARCH);
}

static gboolean
become(const AsnPrivilege *want, const struct passwd *pw, GError **error)
{
	/* While /etc/group can be seen. */
	if (initgroups(pw->pw_name, pw->pw_gid) != 0)
		return fail(error, "groups");
	if (want->root != NULL && (chroot(want->root) != 0 || chdir("/") != 0))
		return fail(error, want->root);
	if (capng_get_caps_process() != 0)
		return fail(error, "reading them");
	choose(want->read_all);
	errno = EPERM; /* it returns codes of its own */
	if (capng_change_id(
		(int)pw->pw_uid, (int)pw->pw_gid, CAPNG_CLEAR_BOUNDING) != 0)
		return fail(error, pw->pw_name);
	errno = EPERM;
	if (is_user(pw) && !root_comes_back() && is_user(pw))
		return TRUE;
	return fail(error, "root can be had back");
}

/* Without being root. */
static gboolean
shed(gboolean keep, GError **error)
{
	gboolean bounds =
	    capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;

	choose(keep);
	if (bounds && capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return fail(error, "the bounding set");
	if (capng_apply(CAPNG_SELECT_AMBIENT) != 0)
		return fail(error, "the ambient set");
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return fail(error, "the capabilities");
	return TRUE;
}

gboolean
asn_privilege_drop(const AsnPrivilege *want, gboolean *kept, GError **error)
{
	const struct passwd *pw = NULL;
	gboolean keep;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(error, "no_new_privs");
	if (capng_get_caps_process() != 0)
		return fail(error, "reading them");
	keep = want->read_all &&
	       capng_have_capability(CAPNG_PERMITTED, CAP_DAC_READ_SEARCH) != 0;
	if (kept != NULL)
		*kept = keep;
	if (want->user != NULL && geteuid() == 0) {
		pw = find_user(want->user, error);
		if (pw == NULL || !become(want, pw, error))
			return FALSE;
	}
	/* Nothing to do is common, and a sandbox may forbid the calls. */
	if (only_wanted_is_left(keep) ||
	    (shed(keep, error) && only_wanted_is_left(keep)))
		return TRUE;
	if (*error != NULL)
		return FALSE;
	errno = EPERM;
	return fail(error, "some are still there");
}
