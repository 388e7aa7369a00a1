/* SPDX-License-Identifier: GPL-2.0-or-later */
/* borrow-watch.c: another process's inotify instance, for tests. */

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "borrow-watch.h"

int
borrow_inotify(pid_t pid)
{
	g_autofree char *fds = g_strdup_printf("/proc/%d/fd", pid);
	g_autoptr(GDir) dir = g_dir_open(fds, 0, NULL);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(fds, name, NULL);
		g_autofree char *to = g_file_read_link(path, NULL);

		if (g_strcmp0(to, "anon_inode:inotify") == 0)
			return (int)syscall(SYS_pidfd_getfd, pidfd,
			    (int)g_ascii_strtoll(name, NULL, 10), 0);
	}
	return -1;
}

int
borrowed_watch_on(int fd, guint64 ino)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fdinfo/%d", fd);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return -1;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		unsigned wd;
		unsigned long on;

		if (sscanf(*line, "inotify wd:%x ino:%lx", &wd, &on) == 2 &&
		    on == ino)
			return (int)wd;
	}
	return -1;
}
