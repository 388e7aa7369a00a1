/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cpu.c: runs a command; prints its CPU seconds and peak KiB on stderr. */

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct rusage u;
	int status;
	pid_t pid;

	if (argc < 2)
		return 64;
	pid = fork();
	if (pid == 0) {
		dup2(STDOUT_FILENO, STDERR_FILENO);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) < 0)
		return 71;
	fprintf(stderr, "%.3f %ld\n",
	    (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6 +
		(double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec / 1e6,
	    u.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 70;
}
