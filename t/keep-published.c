/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keep-published.so: keeps a copy of every reputation that asnd publishes.
 *
 *   KEEP_DIR=DIR LD_PRELOAD=keep-published.so asnd ...
 *
 * Before renameat(2) to reputation.mmdb or recent.mmdb the file is copied to
 * DIR/NUMBER-MICROSECONDS-NAME, numbered from 000000 on, with the wall clock.
 * So nothing of what was ever valid is missed, however quickly the next one
 * comes.  One thread publishes.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void
copy(int in, int out)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof buf)) > 0)
		if (write(out, buf, (size_t)n) != n)
			abort(); /* the test's own disk is full */
}

static void
keep(int dir_fd, const char *path, const char *name)
{
	static unsigned number;
	const char *dir = getenv("KEEP_DIR");
	struct timespec now;
	char to[4096];
	int in, out;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(to, sizeof to, "%s/%06u-%lld-%s", dir, number++,
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000, name);
	in = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (in < 0 || out < 0)
		abort();
	copy(in, out);
	close(in);
	close(out);
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	int (*real)(int, const char *, int, const char *);

	*(void **)&real = dlsym(RTLD_NEXT, "renameat");
	if (strcmp(to, "reputation.mmdb") == 0 ||
	    strcmp(to, "recent.mmdb") == 0)
		keep(from_fd, from, to);
	return real(from_fd, from, to_fd, to);
}
