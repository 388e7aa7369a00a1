/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-send.c: handing a mail to the local sendmail. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>

#include "report-send.h"

static gboolean
failed(GError **error, const char *what, int code)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", what,
	    g_strerror(code));
	return FALSE;
}

/* A file in memory that holds the mail, read from its start; -1. */
static int
spool(const guint8 *data, gsize len)
{
	int fd = memfd_create("asnd-report", MFD_CLOEXEC);
	gsize at = 0;

	while (fd >= 0 && at < len) {
		gssize n = write(fd, data + at, len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (gsize)n;
	}
	if (fd >= 0 && at == len && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* In the child, where only async-signal-safe calls are allowed. */
static void
become_sendmail(const AsndSendmail *how, int mail)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char ignore_dots[] = "-i", sender[] = "-f", rest[] = "--";
	char *const env[] = {path, NULL};
	char *const argv[] = {
	    how->program, ignore_dots, sender, how->from, rest, how->to, NULL};

	setpgid(0, 0); /* to end it with its children */
	signal(SIGPIPE, SIG_DFL);
	if (dup2(mail, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, 1) < 0)
		_exit(126);
	close_range(3, ~0u, 0);
	execve(how->program, argv, env);
	_exit(127);
}

/* TRUE: it ended by itself, *status as of waitpid(2). */
static gboolean
wait_for(pid_t pid, guint seconds, int *status)
{
	gint64 until =
	    g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
	struct timespec pause = {.tv_nsec = 20000000};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (waitpid(pid, status, WNOHANG) == 0) {
		if (g_get_monotonic_time() > until) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL); /* had it no group yet */
			waitpid(pid, status, 0);
			return FALSE;
		}
		sigtimedwait(&child, NULL, &pause);
	}
	return TRUE;
}

static gboolean
judge(const AsndSendmail *how, gboolean ended, int status, GError **error)
{
	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return TRUE;
	if (!ended)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
		    "%s did not end within %u s; is this user in the group "
		    "postdrop?",
		    how->program, how->seconds);
	else if (WIFEXITED(status))
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
		    "%s: exit status %d%s", how->program, WEXITSTATUS(status),
		    WEXITSTATUS(status) == 127 ? " (it cannot be executed)"
					       : "");
	else
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
		    "%s: ended by signal %d", how->program, WTERMSIG(status));
	return FALSE;
}

gboolean
asnd_report_send(
    const AsndSendmail *how, const void *data, gsize len, GError **error)
{
	int mail = spool(data, len), status = 0;
	sigset_t child;
	gboolean ended;
	pid_t pid;

	if (mail < 0)
		return failed(error, "memfd_create", errno);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL); /* for sigtimedwait */
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_UNBLOCK, &child, NULL);
		become_sendmail(how, mail);
	}
	close(mail);
	if (pid < 0)
		return failed(error, "fork", errno);
	ended = wait_for(pid, how->seconds, &status);
	return judge(how, ended, status, error);
}
