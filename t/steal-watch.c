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
#include <unistd.h>

#include "borrow-watch.h"

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
	fd = borrow_inotify(pid);
	wd = fd < 0 ? -1 : borrowed_watch_on(fd, st.st_ino);
	if (wd >= 0 && inotify_rm_watch(fd, wd) == 0 &&
	    read(fd, events, sizeof events) > 0)
		puts("stolen");
	else
		fprintf(stderr, "steal-watch: %s\n", g_strerror(errno));
	kill(pid, SIGCONT);
	return 0;
}
