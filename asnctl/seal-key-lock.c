/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seal-key-lock.c: one writer of the seal keys at a time. */

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal-key.h"

#define PATIENCE 30L /* s: systemd-creds may ask a slow TPM */
#define PAUSE 10L    /* ms between two looks at another's lock */

static gboolean
is_named(int fd, const char *path)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 && lstat(path, &named) == 0 &&
	       mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

static gboolean
fail(int fd, const char *path, GError **error)
{
	int code = errno;

	if (fd >= 0)
		close(fd);
	if (code == EWOULDBLOCK)
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
		    "another asnctl seal-key is at work (it has %s): try again "
		    "when it is done",
		    path);
	else
		g_set_error(error, G_FILE_ERROR,
		    (gint)g_file_error_from_errno(code), "%s: %s", path,
		    g_strerror(code));
	return FALSE;
}

/* In a file of its own, which nobody else can open, so that nobody else can
 * hold the lock.  Whoever had it removed the file: then there is a new one. */
gboolean
seal_key_lock(SealKeyLock *lock, const char *file, GError **error)
{
	gint64 end = g_get_monotonic_time() + PATIENCE * G_USEC_PER_SEC;
	g_autofree char *dir = g_path_get_dirname(file);
	g_autofree char *name = g_path_get_basename(file);
	g_autofree char *path = g_strdup_printf("%s/.%s.lock", dir, name);

	for (;;) {
		int fd = open(path,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    0600);

		if (fd < 0)
			return fail(fd, path, error);
		while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			if (errno != EWOULDBLOCK ||
			    g_get_monotonic_time() > end)
				return fail(fd, path, error);
			g_usleep(PAUSE * 1000);
		}
		if (is_named(fd, path)) {
			*lock = (SealKeyLock){g_steal_pointer(&path), fd};
			return TRUE;
		}
		close(fd);
	}
}

void
seal_key_unlock(SealKeyLock *lock)
{
	/* While it is ours: nobody takes the next one for this one. */
	unlink(lock->path);
	close(lock->fd);
	g_clear_pointer(&lock->path, g_free);
}
