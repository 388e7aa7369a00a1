/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-privilege.c: what root gives away, and what it does not.  As root. */

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "privilege.h"

static char name_of_user[] = "nobody";
static const AsnPrivilege nobody = {.user = name_of_user};
static char *dir;

static char *
at(const char *name)
{
	return g_build_filename(dir, name, NULL);
}

static void
make_socket(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_cmpuint(
	    g_strlcpy(un.sun_path, path, sizeof un.sun_path), <, 108);
	g_assert_cmpint(
	    bind(fd, (const struct sockaddr *)&un, sizeof un), ==, 0);
	close(fd);
}

static uid_t
owner(const char *path)
{
	struct stat st;

	g_assert_cmpint(lstat(path, &st), ==, 0);
	return st.st_uid;
}

static void
refused(const char *path, const char *why)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(asn_privilege_give(&nobody, path, &error));
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, path));
	g_assert_nonnull(strstr(error->message, why));
}

static void
test_socket(void)
{
	g_autofree char *path = at("sock");
	g_autoptr(GError) error = NULL;
	struct stat st;

	make_socket(path);
	g_assert_true(asn_privilege_give(&nobody, path, &error));
	g_assert_no_error(error);
	g_assert_cmpint(lstat(path, &st), ==, 0);
	g_assert_cmpuint(st.st_uid, ==, getpwnam("nobody")->pw_uid);
	g_assert_cmpuint(st.st_gid, ==, getpwnam("nobody")->pw_gid);
	g_unlink(path);
	refused(path, g_strerror(ENOENT));
}

/* The user owns the directory and puts something else under the name. */
static void
test_swapped(void)
{
	g_autofree char *path = at("swapped");
	g_autofree char *theirs = at("theirs");

	g_assert_true(g_file_set_contents(path, "root's", -1, NULL));
	refused(path, g_strerror(ENOTSOCK));
	g_assert_cmpuint(owner(path), ==, 0);
	g_unlink(path);

	make_socket(theirs);
	g_assert_cmpint(symlink(theirs, path), ==, 0);
	refused(path, g_strerror(ENOTSOCK));
	g_assert_cmpuint(owner(path), ==, 0);
	g_assert_cmpuint(owner(theirs), ==, 0);
	g_unlink(path);
	g_unlink(theirs);

	g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
	refused(path, g_strerror(ENOTSOCK));
	g_assert_cmpuint(owner(path), ==, 0);
	g_rmdir(path);
}

int
main(int argc, char **argv)
{
	int rc;

	g_test_init(&argc, &argv, NULL);
	if (geteuid() != 0)
		g_error("this is about root");
	dir = g_dir_make_tmp("asnd-privilege-XXXXXX", NULL);
	g_test_add_func("/privilege/socket", test_socket);
	g_test_add_func("/privilege/swapped", test_swapped);
	rc = g_test_run();
	g_rmdir(dir);
	g_free(dir);
	return rc;
}
