/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.c: "asnctl check": proves .mmdb files sound, from end to end. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "escape.h"
#include "json.h"
#include "mmdb.h"

static gboolean
count_leaf(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	++*(guint64 *)data;
	return TRUE;
}

/* Days and time in UTC; the check has bounded the year. */
static char *
date_of(guint64 epoch)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc((gint64)epoch);

	return g_date_time_format(t, "%Y-%m-%dT%H:%M:%SZ");
}

static void
print_sound(const char *path, const AsnMmdb *db, gboolean json)
{
	const AsnMmdbMeta *meta = asn_mmdb_meta(db);
	g_autofree char *date = date_of(meta->build_epoch);
	g_autoptr(GString) out = g_string_new("{");
	const char *sum = meta->has_sum ? "ok" : "none";
	char type[ASN_ESCAPE_SIZE];
	guint64 networks = 0;

	asn_mmdb_foreach(db, count_leaf, &networks);
	if (!json) {
		printf("%s: ok, %s, %" G_GUINT64_FORMAT
		       " networks, %u nodes, built %s, checksum %s\n",
		    path, asn_escape_str(type, meta->database_type), networks,
		    meta->node_count, date, sum);
		return;
	}
	asn_json_member_string(out, "file", path);
	asn_json_member(out, "ok");
	g_string_append(out, "true");
	asn_json_member_string(out, "type", meta->database_type);
	asn_json_member_uint(out, "networks", networks);
	asn_json_member_uint(out, "nodes", meta->node_count);
	asn_json_member_uint(out, "record_size", meta->record_size);
	asn_json_member_uint(out, "ip_version", meta->ip_version);
	asn_json_member_string(out, "built", date);
	asn_json_member_string(out, "checksum", sum);
	printf("%s}\n", out->str);
}

static void
print_fault(const char *path, const char *message, gboolean json)
{
	g_autoptr(GString) out = g_string_new("{");

	if (!json) {
		fprintf(stderr, "%s\n", message);
		return;
	}
	asn_json_member_string(out, "file", path);
	asn_json_member(out, "ok");
	g_string_append(out, "false");
	asn_json_member_string(out, "error", message);
	printf("%s}\n", out->str);
}

static int
check_file(const char *path, gboolean json)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *message = NULL;
	AsnMmdb *db;
	int fd, code;

	/* A FIFO must not hold us up. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		code = EX_NOINPUT;
		message = g_strdup_printf("%s: %s", path, g_strerror(errno));
		print_fault(path, message, json);
		return code;
	}
	db = asn_mmdb_open(fd, path, ASN_MMDB_CHECK_ANY, &error);
	close(fd);
	if (db == NULL) {
		print_fault(path, error->message, json);
		return g_error_matches(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_IO)
			   ? EX_NOINPUT
			   : EX_DATAERR;
	}
	print_sound(path, db, json);
	asn_mmdb_close(db);
	return EX_OK;
}

int
asnctl_check(int argc, char **argv)
{
	gboolean json = FALSE;
	g_auto(GStrv) files = NULL;
	const GOptionEntry entries[] = {
	    {"json", 0, 0, G_OPTION_ARG_NONE, &json,
		"Print one JSON object a file", NULL},
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files,
		NULL, NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("FILE...");
	g_autoptr(GError) error = NULL;
	int worst = EX_OK;

	g_option_context_set_summary(context,
	    "Checks any MaxMind DB file from end to end, and names the first "
	    "fault with its\noffset.  Exits 0 when all are sound, 65 when one "
	    "is not, 66 when one does\nnot exist.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "asnctl check: %s\n", error->message);
		return EX_USAGE;
	}
	if (files == NULL) {
		fprintf(stderr, "asnctl check: name at least one file\n");
		return EX_USAGE;
	}
	for (gsize i = 0; files[i] != NULL; i++) {
		int code = check_file(files[i], json);

		/* A broken file says more than a missing one. */
		if (code == EX_DATAERR || worst == EX_OK)
			worst = code;
	}
	return worst;
}
