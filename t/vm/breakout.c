// SPDX-License-Identifier: GPL-2.0-or-later
/* breakout.c: tries from inside a service what no service of ours may do.
 *
 *   breakout VERB[=ARGUMENT]...
 *
 * One line for each attempt: "VERB=ARGUMENT allowed", or "refused" and why.
 * What succeeds is undone where that is possible.  t/vm/inside/breakout puts
 * this program in the place of the services' own. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each takes the argument; returns 0 if it was allowed, else an errno. */

static int
try_read(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return errno;
	int error = read(fd, &byte, 1) < 0 ? errno : 0;
	close(fd);
	return error;
}

/* An existing file, which is not changed. */
static int
try_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* A new file in a directory. */
static int
try_create(const char *dir)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/breakout.%d", dir, (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	unlink(path);
	return 0;
}

/* A connection to a port of this machine.  A socket alone is one too many, so
 * that nothing listens there or the network is another one is no refusal. */
static int
try_tcp(const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((in_port_t)atoi(port)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		printf("# connected to port %s\n", port);
	close(fd);
	return 0;
}

static int
try_udp(const char *unused)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* A shell, or this program.  No fork() and waitpid(): where waiting is refused
 * that would hide that executing is not. */
static int
try_exec(const char *path)
{
	char name[] = "exec", option[] = "-c", what[] = "exit";
	char *argv[] = {name, option, what, NULL};
	pid_t child;

	fflush(stdout);
	int error = posix_spawn(&child, path, NULL, NULL, argv, environ);
	if (error == 0)
		waitpid(child, NULL, 0);
	return error;
}

/* Copies all of a file; returns 0 or an errno. */
static int
copy(int from, int to)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(from, buf, sizeof buf)) > 0) {
		errno = EFBIG; /* where less is written */
		if (write(to, buf, (size_t)n) != n)
			return errno;
	}
	return n < 0 ? errno : 0;
}

/* This program, from a file in memory alone. */
static int
try_memfd(const char *unused)
{
	char path[32];
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("breakout", MFD_CLOEXEC);
	int error = self < 0 || fd < 0 ? errno : copy(self, fd);

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (error == 0)
		error = try_exec(path);
	if (self >= 0)
		close(self);
	if (fd >= 0)
		close(fd);
	return error;
}

static int
try_ptrace(const char *pid)
{
	/* Not stopped, and let go when this process ends. */
	return ptrace(PTRACE_SEIZE, atoi(pid), NULL, NULL) < 0 ? errno : 0;
}

/* init_module(2) looks at the privilege first: with it, what cannot be read as
 * a module from here is ENOEXEC. */
static int
try_module(const char *path)
{
	static char image[8 << 20]; /* zeros: try_memfd() copies the program */
	size_t len = sizeof "no module";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	memcpy(image, "no module", len);
	if (fd >= 0) {
		ssize_t n = read(fd, image, sizeof image);
		len = n > 0 ? (size_t)n : len;
		close(fd);
	}
	if (syscall(SYS_init_module, image, len, "") == 0) {
		printf("# %s is loaded\n", path);
		return 0;
	}
	return errno == ENOEXEC || errno == EEXIST ? 0 : errno;
}

static int
try_wx(const char *unused)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static const struct {
	const char *verb;
	int (*try)(const char *argument);
} verbs[] = {
    {"read", try_read},
    {"write", try_write},
    {"create", try_create},
    {"tcp", try_tcp},
    {"udp", try_udp},
    {"exec", try_exec},
    {"memfd", try_memfd},
    {"ptrace", try_ptrace},
    {"module", try_module},
    {"wx", try_wx},
};

static int
attempt(const char *what)
{
	size_t len = strcspn(what, "=");
	const char *argument = what[len] == '=' ? what + len + 1 : "";

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strlen(verbs[i].verb) != len ||
		    memcmp(verbs[i].verb, what, len) != 0)
			continue;
		int error = verbs[i].try(argument);
		printf("%s %s%s\n", what, error == 0 ? "allowed" : "refused: ",
		    error == 0 ? "" : strerror(error));
		fflush(stdout);
		return 0;
	}
	printf("no such attempt: %s\n", what);
	return 1;
}

/* The SELinux context that it all happened in. */
static void
print_context(void)
{
	char context[256];
	int fd = open("/proc/self/attr/current", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, context, sizeof context - 1);

	context[n > 0 ? n : 0] = '\0';
	printf("context %s\n", context);
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char **argv)
{
	int rc = 0;

	if (argc == 3 && strcmp(argv[1], "-c") == 0) /* try_memfd() */
		return 0;
	prctl(PR_SET_NAME, "breakout"); /* as the audit log shall name it */
	for (int i = 1; i < argc; i++)
		rc |= attempt(argv[i]);
	print_context();
	return rc;
}
