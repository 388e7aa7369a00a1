/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault-shim.c: which call fails, and how.  Raw system calls only. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fault-shim.h"

#define ADD(counter) __atomic_add_fetch(&(counter), 1, __ATOMIC_SEQ_CST)
#define GET(number) __atomic_load_n(&(number), __ATOMIC_SEQ_CST)

static struct FaultControl *control;

void *
fault_real(const char *name)
{
	void *real = dlsym(RTLD_NEXT, name);

	if (real == NULL) {
		fprintf(stderr, "fault-shim: no %s\n", name);
		abort();
	}
	return real;
}

/* --- paths -----------------------------------------------------------------
 */

/* What the kernel calls a descriptor. */
static int
name_of(int fd, char *path)
{
	char link[40];
	long n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = syscall(SYS_readlink, link, path, (size_t)FAULT_PATH - 1);
	if (n < 0)
		return 0;
	path[n] = '\0';
	return 1;
}

static int
base_of(int dir_fd, char *path)
{
	if (dir_fd != AT_FDCWD)
		return name_of(dir_fd, path);
	return syscall(SYS_getcwd, path, (size_t)FAULT_PATH) > 0;
}

static int
path_of(int dir_fd, const char *name, char *path)
{
	static const char own[] = "/proc/self/fd/";
	size_t n;

	if (strncmp(name, own, sizeof own - 1) == 0)
		return name_of(atoi(name + sizeof own - 1), path);
	if (name[0] == '/') {
		snprintf(path, FAULT_PATH, "%s", name);
		return 1;
	}
	if (!base_of(dir_fd, path))
		return 0;
	n = strlen(path);
	if (name[0] != '\0')
		snprintf(path + n, FAULT_PATH - n, "/%s", name);
	return 1;
}

/* --- rules -----------------------------------------------------------------
 */

/* What the call works on: at most one of these is looked up, at most once. */
struct Object {
	int fd, dir_fd;
	const char *name;
	char path[FAULT_PATH];
	int known;
};

static int
has_prefix(struct Object *o, const char *prefix)
{
	if (prefix[0] == '\0')
		return 1;
	if (!o->known) {
		o->path[0] = '\0';
		if (o->name != NULL)
			path_of(o->dir_fd, o->name, o->path);
		else if (o->fd >= 0)
			name_of(o->fd, o->path);
		o->known = 1;
	}
	return strncmp(o->path, prefix, strlen(prefix)) == 0;
}

static int
is_hit(struct FaultRule *rule, enum FaultClass class, struct Object *o)
{
	uint64_t n, at;

	if ((GET(rule->classes) >> class & 1) == 0)
		return 0;
	if (rule->thread != 0 && rule->thread != (uint64_t)gettid())
		return 0;
	if (!has_prefix(o, rule->prefix))
		return 0;
	n = ADD(rule->seen);
	at = GET(rule->at);
	return n >= at && n - at < GET(rule->times);
}

static void
wait_for(uint64_t microseconds)
{
	struct timespec t = {.tv_sec = (time_t)(microseconds / 1000000),
	    .tv_nsec = (long)(microseconds % 1000000 * 1000)};

	syscall(SYS_nanosleep, &t, NULL);
}

static enum FaultVerdict
carry_out(const struct FaultRule *rule, int saved)
{
	switch ((enum FaultWhat)rule->what) {
	case FAULT_ERRNO:
		errno = (int)rule->error;
		return FAULT_FAILS;
	case FAULT_SHORT:
		return FAULT_HALF;
	case FAULT_OVERFLOW:
		return FAULT_OVERFLOWN;
	case FAULT_KILLED:
		return FAULT_DIES;
	case FAULT_KILL:
		kill(getpid(), SIGKILL);
		break;
	case FAULT_STOP:
		kill(getpid(), SIGSTOP);
		break;
	case FAULT_DELAY:
		wait_for(rule->value);
		break;
	}
	errno = saved;
	return FAULT_PASS;
}

static enum FaultVerdict
judge(enum FaultClass class, struct Object *o)
{
	struct FaultControl *c = control;
	struct FaultRule *hit = NULL;
	int saved = errno;

	if (c == NULL)
		return FAULT_PASS;
	ADD(c->calls[class]);
	for (int i = 0; i < FAULT_RULES; i++)
		if (is_hit(&c->rules[i], class, o) && hit == NULL)
			hit = &c->rules[i];
	errno = saved;
	if (hit == NULL)
		return FAULT_PASS;
	/* A rule without a prefix has not asked for the path yet. */
	has_prefix(o, "/");
	memcpy(c->last_path, o->path, sizeof c->last_path);
	c->last = class;
	ADD(hit->hits);
	return carry_out(hit, saved);
}

enum FaultVerdict
fault_on_fd(enum FaultClass class, int fd)
{
	struct Object o;

	o.fd = fd;
	o.name = NULL;
	o.known = 0;
	return judge(class, &o);
}

enum FaultVerdict
fault_on_path(enum FaultClass class, int dir_fd, const char *path)
{
	struct Object o;

	o.fd = -1;
	o.dir_fd = dir_fd;
	o.name = path;
	o.known = 0;
	return judge(class, &o);
}

void
fault_end(enum FaultVerdict verdict)
{
	if (verdict == FAULT_DIES)
		kill(getpid(), SIGKILL);
}

int64_t
fault_clock(int monotonic)
{
	if (control == NULL)
		return 0;
	return monotonic
		   ? __atomic_load_n(&control->monotonic, __ATOMIC_SEQ_CST)
		   : __atomic_load_n(&control->realtime, __ATOMIC_SEQ_CST);
}

int
fault_poll(int ms)
{
	uint64_t limit = control == NULL ? 0 : GET(control->poll_ms);
	int64_t leap;

	if (control != NULL && gettid() == getpid()) {
		leap = __atomic_exchange_n(&control->leap, 0, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&control->monotonic, leap, __ATOMIC_SEQ_CST);
	}
	if (limit == 0 || (ms >= 0 && (uint64_t)ms <= limit))
		return ms;
	return (int)limit;
}

/* --- the control file ------------------------------------------------------
 */

__attribute__((constructor)) static void
map_control(void)
{
	const char *file = getenv("FAULT_CONTROL");
	const char *program = getenv("FAULT_PROGRAM");
	struct FaultControl *c;
	long fd;

	if (file == NULL ||
	    (program != NULL && strcmp(program, program_invocation_short_name)))
		return;
	fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "fault-shim: %s: %m\n", file);
		return;
	}
	c = (void *)syscall(SYS_mmap, NULL, sizeof *c, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
	if (c == MAP_FAILED || c->magic != FAULT_MAGIC) {
		fprintf(stderr, "fault-shim: %s is no control file\n", file);
		return;
	}
	c->pid = (uint64_t)getpid();
	control = c;
}
