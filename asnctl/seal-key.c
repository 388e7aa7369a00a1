/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seal-key.c: "asnctl seal-key": makes, renews and shows the seal keys. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <gio/gio.h>

#include "asnctl.h"
#include "config.h"
#include "seal-key.h"

/* Votes are kept that long (asnd.conf(5), half-life). */
#define KEEP_HALF_LIVES 4
#define DAY 86400

typedef struct {
	const char *verb;
	AsnConfig *config;
	SealKeyHome home;
	gboolean exists, restart;
	gint64 now, keep;
} Job;

static void
find(Job *job, const char *file)
{
	seal_key_home_clear(&job->home);
	job->exists =
	    seal_key_home_find(&job->home, file, job->config->seal_key);
	job->now = g_get_real_time() / G_USEC_PER_SEC;
}

static char *
date_of(gint64 epoch)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(epoch);

	return t != NULL ? g_date_time_format(t, "%FT%TZ") : g_strdup("-");
}

static int
failed(const char *what, const GError *error, int code)
{
	fprintf(stderr, "asnctl seal-key: %s%s\n", what, error->message);
	return code;
}

/* --- what comes after -------------------------------------------------------
 */

static int
restart(void)
{
	static const char *const argv[] = {"systemctl", "try-restart",
	    "asn-milter.service", "asnd.service", NULL};
	g_autoptr(GError) error = NULL;
	g_autoptr(GSubprocess) p =
	    g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_NONE, &error);

	if (p == NULL || !g_subprocess_wait_check(p, NULL, &error))
		return failed("the new key is there, but not in use: systemctl "
			      "try-restart: ",
		    error, EX_UNAVAILABLE);
	printf("asn-milter and asnd use it now.\n");
	return EX_OK;
}

static int
finish(const Job *job)
{
	if (job->restart)
		return restart();
	if (job->home.systemd)
		printf("To use it: systemctl try-restart asn-milter.service "
		       "asnd.service (mail waits meanwhile)\n");
	else
		printf("To use it: reload asn-milter and asnd, or restart "
		       "them\n");
	return EX_OK;
}

/* --- new, rotate ------------------------------------------------------------
 */

static int
write_with_new(Job *job, const char *old)
{
	g_autoptr(GError) error = NULL;
	guint dropped;
	char *text = seal_key_add(old, job->now, job->keep, &dropped);
	gboolean ok;

	if (text == NULL) {
		fprintf(stderr,
		    "asnctl seal-key: %s has 100 keys: remove old ones from "
		    "its end\n",
		    job->home.path);
		return EX_DATAERR;
	}
	ok = seal_key_home_write(&job->home, text, &error);
	seal_key_wipe(text);
	if (!ok)
		return failed("", error, EX_CANTCREAT);
	printf("%s: a new key signs%s\n", job->home.path,
	    old == NULL ? "" : "; those before it are accepted further on");
	if (dropped > 0)
		printf("%u dropped: replaced more than %d days ago\n", dropped,
		    (int)(job->keep / DAY));
	return EX_OK;
}

static int
run_new(Job *job)
{
	if (!job->exists)
		return write_with_new(job, NULL);
	fprintf(stderr,
	    "asnctl seal-key: %s is there already; \"asnctl seal-key rotate\" "
	    "adds a new key\n",
	    job->home.path);
	return EX_CANTCREAT;
}

static int
no_file(const Job *job)
{
	fprintf(stderr,
	    "asnctl seal-key: there is no key yet (%s); \"asnctl seal-key "
	    "new\" makes one\n",
	    job->home.path);
	return EX_NOINPUT;
}

static int
run_rotate(Job *job)
{
	g_autoptr(GError) error = NULL;
	char *old;
	int code;

	if (!job->exists)
		return no_file(job);
	old = seal_key_home_read(&job->home, &error);
	if (old == NULL)
		return failed("", error, EX_DATAERR);
	code = write_with_new(job, old);
	seal_key_wipe(old);
	return code;
}

/* What the file holds is looked at under the lock. */
static int
run_change(Job *job, const char *file, int (*change)(Job *))
{
	g_autoptr(GError) error = NULL;
	SealKeyLock lock;
	int code;

	if (change == run_rotate && !job->exists)
		return no_file(job);
	seal_key_home_make(&job->home);
	if (!seal_key_lock(&lock, job->home.path, &error))
		return failed("", error,
		    g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN)
			? EX_TEMPFAIL
			: EX_CANTCREAT);
	find(job, file);
	code = change(job);
	seal_key_unlock(&lock);
	return code == EX_OK ? finish(job) : code;
}

/* --- status -----------------------------------------------------------------
 */

static void
print_key(const Job *job, const GArray *list, guint i)
{
	const SealKey *key = &g_array_index(list, SealKey, i);
	g_autofree char *made = key->made ? date_of(key->made) : NULL;
	gint64 until = i > 0 ? g_array_index(list, SealKey, i - 1).made : 0;
	g_autofree char *end = until != 0 ? date_of(until + job->keep) : NULL;

	printf("key %-2u %-8s made %s", key->id, i == 0 ? "signs" : "accepted",
	    made ? made : "at an unknown time");
	if (made != NULL)
		printf(" (%d days ago)", (int)((job->now - key->made) / DAY));
	if (end != NULL)
		printf(", dropped by a rotation after %s", end);
	putchar('\n');
}

static int
run_status(Job *job)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) list = NULL;
	char *text;

	if (!job->exists)
		return no_file(job);
	text = seal_key_home_read(&job->home, &error);
	if (text == NULL)
		return failed("", error, EX_DATAERR);
	list = seal_key_list(text);
	seal_key_wipe(text);
	printf("%s%s\n", job->home.path,
	    job->home.encrypted ? " (encrypted)" : "");
	for (guint i = 0; i < list->len; i++)
		print_key(job, list, i);
	return EX_OK;
}

/* --- the command line -------------------------------------------------------
 */

static int
run(Job *job, const char *file)
{
	if (strcmp(job->verb, "new") == 0)
		return run_change(job, file, run_new);
	if (strcmp(job->verb, "rotate") == 0)
		return run_change(job, file, run_rotate);
	if (strcmp(job->verb, "status") == 0)
		return run_status(job);
	fprintf(stderr,
	    "asnctl seal-key: new, rotate or status, not "
	    "\"%.100s\"\n",
	    job->verb);
	return EX_USAGE;
}

static int
run_with_config(Job *job, const char *config_path, const char *file)
{
	g_autoptr(GError) error = NULL;
	int code;

	job->config = asn_config_load(config_path, &error);
	if (job->config == NULL)
		return failed("", error, EX_CONFIG);
	job->keep = (gint64)(KEEP_HALF_LIVES * job->config->half_life);
	find(job, file);
	code = run(job, file);
	seal_key_home_clear(&job->home);
	asn_config_free(job->config);
	return code;
}

int
asnctl_seal_key(int argc, char **argv)
{
	g_autofree char *config = NULL, *file = NULL;
	Job job = {NULL};
	const GOptionEntry entries[] = {
	    {"config", 0, 0, G_OPTION_ARG_FILENAME, &config,
		"The configuration that names seal-key", "FILE"},
	    {"file", 0, 0, G_OPTION_ARG_FILENAME, &file,
		"The file with the keys", "FILE"},
	    {"restart", 0, 0, G_OPTION_ARG_NONE, &job.restart,
		"Restart the services that use it, by systemctl", NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context =
	    g_option_context_new("new|rotate|status");
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context,
	    "Makes the first seal key, adds a new one that signs from then on, "
	    "or shows\nwhich there are.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "asnctl seal-key: %s\n", error->message);
		return EX_USAGE;
	}
	if (argc != 2) {
		fprintf(stderr, "asnctl seal-key: say new, rotate or status\n");
		return EX_USAGE;
	}
	signal(SIGPIPE, SIG_IGN); /* a systemd-creds that reads nothing */
	job.verb = argv[1];
	return run_with_config(&job, config, file);
}
