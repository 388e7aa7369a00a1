/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-bus.c: any arguments of any caller to each method of org.asnd1.Manager,
 * in an asnd that runs.
 *
 * The first byte chooses the method, the second the caller and what he passes
 * as a mail, which is what stands up to the first NUL; the rest is the GVariant
 * of the arguments.  The bus itself is left out: what answers a call is taken
 * over by the linker (--wrap), and looked at.
 *
 * Covers: asnd/bus-lookup.c asnd/bus-mail.c asnd/bus-learn.c asnd/bus-forget.c
 * asnd/bus-history.c asnd/bus-networks.c asnd/bus-export.c asnd/bus-rules.c
 * asnd/bus-top.c asnd/bus-user.c asnd/bus-quality.c asnd/bus-lists.c.
 * Longest input: 512
 */

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "bus-interface.h"
#include "bus-private.h"
#include "daemon-private.h"
#include "fuzz.h"
#include "test-db.h"

static char *dir;
static AsndDaemon *asnd;
static guint answers;
static const GDBusMethodInfo *asked; /* the method under way */
static gboolean went_well;
static int passed = -1; /* the caller's descriptor; -1: none */

/* --- what the bus would do ------------------------------------------------ */

void __wrap_asnd_bus_return(AsndBusCall *call, GVariant *reply);
void __wrap_asnd_bus_fail(AsndBusCall *call, AsndBusError code,
    const char *format, ...) G_GNUC_PRINTF(3, 4);
int __wrap_asnd_bus_take_fd(AsndBusCall *call, GVariant *handle);
void __wrap_asnd_bus_charge(AsndBusCall *call, gint64 since);

static void
put_types(GString *type, GDBusArgInfo **args)
{
	for (; args != NULL && *args != NULL; args++)
		g_string_append(type, (*args)->signature);
	g_string_append_c(type, ')');
}

/* The types that the interface promises; what is text is text. */
void
__wrap_asnd_bus_return(AsndBusCall *call, GVariant *reply)
{
	g_autoptr(GVariant) got =
	    g_variant_ref_sink(reply ? reply : g_variant_new_tuple(NULL, 0));
	g_autoptr(GString) type = g_string_new("(");

	put_types(type, asked->out_args);
	g_assert_cmpstr(g_variant_get_type_string(got), ==, type->str);
	g_assert_true(g_variant_is_normal_form(got));
	went_well = TRUE;
	answers++;
	g_free(call);
}

/* One line, however the arguments look. */
void
__wrap_asnd_bus_fail(
    AsndBusCall *call, AsndBusError code, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	g_assert_cmpint(code, <=, ASND_BUS_FAILED);
	g_assert_true(g_utf8_validate(text, -1, NULL));
	for (const char *p = text; *p != '\0'; p++)
		g_assert_true((guchar)*p >= 0x20 && *p != 0x7f);
	g_assert_cmpint(*text, !=, '\0');
	answers++;
	g_free(call);
}

int
__wrap_asnd_bus_take_fd(AsndBusCall *call, GVariant *handle)
{
	int fd = passed;

	passed = -1;
	if (fd < 0)
		__wrap_asnd_bus_fail(
		    call, ASND_BUS_INVALID, "no file descriptor");
	return fd;
}

void
__wrap_asnd_bus_charge(AsndBusCall *call, gint64 since)
{
}

static GLogWriterOutput
check_log(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer d)
{
	g_assert_cmpint(level & G_LOG_LEVEL_CRITICAL, ==, 0);
	for (gsize i = 0; i < n; i++)
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			g_assert_null(
			    strpbrk((const char *)fields[i].value, "\n\r\033"));
	return G_LOG_WRITER_HANDLED;
}

/* --- asnd ----------------------------------------------------------------- */

static void
remove_tree(const char *path)
{
	g_autoptr(GDir) all = g_dir_open(path, 0, NULL);
	const char *name;

	while (all != NULL && (name = g_dir_read_name(all)) != NULL) {
		g_autofree char *one = g_build_filename(path, name, NULL);

		if (g_file_test(one, G_FILE_TEST_IS_DIR))
			remove_tree(one);
		else
			g_unlink(one);
	}
	g_rmdir(path);
}

static void
stop(void)
{
	remove_tree(dir);
}

static void
save(const char *name, GBytes *bytes)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	gsize len;
	const char *data = g_bytes_get_data(bytes, &len);

	g_assert_true(g_file_set_contents(path, data, (gssize)len, NULL));
	g_bytes_unref(bytes);
}

static AsnConfig *
configure(void)
{
	g_autofree char *text =
	    g_strdup_printf("[paths]\ndatabase-dir = %s\nstate-dir = %s\n"
			    "watch-socket = %s/sock\nseal-key = %s/seal.key\n"
			    "[mail]\nhost-names = mx\n[score]\nmin-ham = 0\n",
		dir, dir, dir, dir);
	g_autofree char *path = g_build_filename(dir, "asnd.conf", NULL);
	GError *error = NULL;
	AsnConfig *config;

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	config = asn_config_load(path, &error);
	g_assert_no_error(error);
	return config;
}

#define MAIL                                                                   \
	"Received: from a (b [%s])\n\tby mx (Postfix) with ESMTP id 4X;"       \
	" Sat, 21 Nov 2026 02:16:57 +0000\n\n"

static gboolean call(guint method, guint uid, GVariant *args);

static void
learn(const char *mail, const char *class, const char *user)
{
	guint method = 0;

	while (strcmp(org_asnd1_manager_interface.methods[method]->name,
		   "Learn") != 0)
		method++;
	passed = fuzz_memfd(mail, strlen(mail));
	fcntl(passed, F_ADD_SEALS, F_SEAL_WRITE);
	g_assert_true(call(method, 0, g_variant_new("(shs)", class, 0, user)));
}

/* Votes of three users, so that there is something to tell. */
static void
learn_some(void)
{
	static const char *const from[] = {"198.51.100.7", "2001:db8::1",
	    "192.0.2.7", "203.0.113.9", "8.8.8.8"};

	for (guint i = 0; i < 15; i++) {
		g_autofree char *mail =
		    g_strdup_printf(MAIL, from[i % G_N_ELEMENTS(from)]);
		g_autofree char *user =
		    g_strdup_printf("/home/u%u/Maildir", i / 5);

		learn(mail, i % 3 == 2 ? "ham" : "spam", user);
	}
}

/* And of mail that the milter judged, rightly and wrongly. */
static void
learn_sealed(void)
{
	AsnSeal seal = {.time = asnd_daemon_now(asnd) - 60,
	    .addr = {.b = {[12] = 198, 51, 100, 9}, .family = 4},
	    .queue_id = "4XyZ"};
	char text[ASN_TRACE_MAX];

	for (guint i = 0; i < 8; i++) {
		g_autofree char *mail = NULL;

		seal.flagged = i & 1;
		seal.queue_id[0] = (char)('0' + i);
		g_assert_cmpuint(
		    asn_seal_write(asnd_sources_sealer(asnd->sources), &seal,
			text, sizeof text),
		    >, 0);
		mail = g_strdup_printf(
		    "X-ASN-Spam: %s, score=0.950 threshold=0.900 "
		    "level=prefix spam=9.0 ham=0.1\nX-ASN-Seal: %s\n\n",
		    i & 1 ? "Yes" : "No", text);
		learn(mail, i & 2 ? "ham" : "spam", "/home/u1/Maildir");
	}
}

/* One who has a Maildir, and one who has two. */
static void
give_owners(void)
{
	for (gint64 user = 1; user <= 3; user++)
		asnd_mails_set_owner(
		    asnd->mails, user, user == 1 ? 1000 : 65534);
	g_assert_true(asnd_daemon_settle(asnd, TRUE));
}

static void
start(void)
{
	GError *error = NULL;

	g_log_set_writer_func(check_log, NULL, NULL);
	dir = fuzz_make_dir();
	atexit(stop);
	save("networks.mmdb", test_db_networks("Evil\r\n\"Net\" \x1b[31m"));
	save("seal.key",
	    g_bytes_new_static(
		"0 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", 47));
	asnd = asnd_daemon_new(configure(), 0, &error);
	g_assert_no_error(error);
	g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", TRUE);
	asnd_bus_start(asnd, FALSE);
	learn_some();
	learn_sealed();
	give_owners();
}

/* --- a call --------------------------------------------------------------- */

static guint
count_methods(void)
{
	guint n = 0;

	while (org_asnd1_manager_interface.methods[n] != NULL)
		n++;
	return n;
}

/* As asnd_bus_on_call has it run once the caller's rights are known.  TRUE: it
 * did what was asked. */
static gboolean
call(guint method, guint uid, GVariant *args)
{
	g_autoptr(GVariant) held = g_variant_ref_sink(args);
	gboolean may_change_only = TRUE, may_change = uid == 0;
	AsndBusCall *c = g_new0(AsndBusCall, 1);
	AsndBusMethod run;

	asked = org_asnd1_manager_interface.methods[method];
	run = asnd_bus_find_method(asked->name, &may_change_only);
	g_assert_nonnull(run);
	*c = (AsndBusCall){.daemon = asnd,
	    .args = held,
	    .sender = ":1.1",
	    .uid = uid,
	    .may_change = may_change || may_change_only};
	answers = 0;
	went_well = FALSE;
	run(c);
	while (answers == 0)
		g_main_context_iteration(NULL, TRUE);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpuint(answers, ==, 1);
	if (passed >= 0)
		close(passed);
	passed = -1;
	return went_well;
}

/* Of the types of the interface; GDBus lets nothing else through, and no text
 * that is not UTF-8. */
static GVariant *
arguments(guint method, const guint8 *data, gsize size)
{
	const GDBusMethodInfo *m = org_asnd1_manager_interface.methods[method];
	g_autoptr(GString) type = g_string_new("(");
	g_autoptr(GBytes) bytes = g_bytes_new(data, size);
	g_autoptr(GVariant) raw = NULL;

	put_types(type, m->in_args);
	raw = g_variant_ref_sink(
	    g_variant_new_from_bytes(G_VARIANT_TYPE(type->str), bytes, FALSE));
	return g_variant_get_normal_form(raw);
}

/* Files grow with rules, and every one is written anew. */
static void
forget_rules(void)
{
	g_autofree char *path = g_build_filename(dir, ASND_RULES_FILE, NULL);

	if (asnd_rules_count(asnd->rules) < 16)
		return;
	g_unlink(path);
	asnd_rules_reload(asnd->rules);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	static const guint uids[] = {0, 1000, 65534, 0};
	FuzzInput in = {data, data + size};
	guint method = fuzz_byte(&in), who = fuzz_byte(&in);
	g_autofree char *mail = fuzz_text(&in, 0);
	g_autoptr(GVariant) args = NULL;

	if (asnd == NULL)
		start();
	method %= count_methods();
	args = arguments(method, in.p, fuzz_left(&in));
	if (who & 4) {
		passed = fuzz_memfd(mail, strlen(mail));
		/* what is no sealed memory is read in a thread */
		if ((who & 0xf8) != 0xf8)
			fcntl(passed, F_ADD_SEALS, F_SEAL_WRITE);
	}
	call(method, uids[who & 3], args);
	forget_rules();
	return 0;
}
