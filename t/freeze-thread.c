/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * freeze-thread.c: stops one thread of a process, as a bug in it would.
 *
 *   freeze-thread PID NAME
 *
 * Prints "frozen" when it stands, and lets it go on when stdin ends.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

static pid_t
find_thread(const char *pid, const char *name)
{
	g_autofree char *tasks = g_strdup_printf("/proc/%s/task", pid);
	g_autoptr(GDir) dir = g_dir_open(tasks, 0, NULL);
	const char *tid;

	while (dir != NULL && (tid = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path =
		    g_build_filename(tasks, tid, "comm", NULL);
		g_autofree char *comm = NULL;

		if (g_file_get_contents(path, &comm, NULL, NULL) &&
		    strcmp(g_strchomp(comm), name) == 0)
			return (pid_t)g_ascii_strtoll(tid, NULL, 10);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	pid_t tid;
	int status;

	if (argc != 3 || (tid = find_thread(argv[1], argv[2])) == 0) {
		fprintf(stderr, "freeze-thread: no such thread\n");
		return 1;
	}
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0 ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 ||
	    waitpid(tid, &status, __WALL) != tid) {
		perror("freeze-thread");
		return 1;
	}
	puts("frozen");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return ptrace(PTRACE_DETACH, tid, NULL, NULL) != 0;
}
