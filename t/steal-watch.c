/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steal-watch.c: takes inotify watches from a process behind its back, as a
 * bug in it would, without the event that tells of it.
 *
 *   steal-watch PID DIRECTORY
 *
 * Prints "stolen".  The process stands still meanwhile; nothing else may
 * happen to what it watches.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

/* Its inotify instance, as a descriptor of ours; -1: none. */
static int
borrow(pid_t pid)
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

/* The watch that it has on this inode; -1: none. */
static int
watch_on(int fd, guint64 ino)
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

int
main(int argc, char **argv)
{
	char events[4096];
	pid_t pid = argc == 3 ? (pid_t)g_ascii_strtoll(argv[1], NULL, 10) : 0;
	struct stat st;
	int fd, wd;

	if (pid == 0 || stat(argv[2], &st) != 0)
		return 64;
	kill(pid, SIGSTOP);
	fd = borrow(pid);
	wd = fd < 0 ? -1 : watch_on(fd, st.st_ino);
	if (wd >= 0 && inotify_rm_watch(fd, wd) == 0 &&
	    read(fd, events, sizeof events) > 0)
		puts("stolen");
	else
		fprintf(stderr, "steal-watch: %s\n", g_strerror(errno));
	kill(pid, SIGCONT);
	return 0;
}
