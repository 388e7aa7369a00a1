/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-loc.c: libloc's location.db as source. */

#include <arpa/inet.h>
#include <errno.h>
#include <libloc/as.h>
#include <libloc/database.h>
#include <libloc/libloc.h>
#include <libloc/network.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source.h"

#define TELL_EVERY 8192 /* networks */
#define RECENT 1024     /* a power of two */

static void
say_nothing(struct loc_ctx *ctx, int priority, const char *file, int line,
    const char *function, const char *format, va_list args)
{
}

typedef struct {
	ImportSet *set;
	struct loc_ctx *ctx;
	struct loc_database *db;
	ImportMap names;   /* AS number: string id */
	ImportMap origins; /* AS number and country: origin */
	/* of the ones seen last: neighbours are often of the same AS */
	struct {
		guint64 key;
		guint32 id;
	} recent[RECENT];
	guint64 total;
} Loc;

static gboolean
fail(const char *path, const char *what, GError **error)
{
	g_set_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN,
	    "%s: offset 0: libloc cannot %s", path, what);
	return FALSE;
}

static gboolean
read_names(Loc *loc, const char *path, GError **error)
{
	struct loc_database_enumerator *e = NULL;
	struct loc_as *as = NULL;

	if (loc_database_enumerator_new(
		&e, loc->db, LOC_DB_ENUMERATE_ASES, 0) != 0)
		return fail(path, "list the AS names", error);
	while (loc_database_enumerator_next_as(e, &as) == 0 && as != NULL) {
		const char *name = loc_as_get_name(as);
		if (name != NULL)
			*import_map_at(&loc->names, loc_as_get_number(as), 0) =
			    import_set_string(loc->set, name, strlen(name));
		loc_as_unref(as);
		as = NULL;
	}
	loc_database_enumerator_unref(e);
	return TRUE;
}

/* An AS has one name here, so number and country say it all. */
static guint32
look_up_origin(Loc *loc, guint64 key, guint32 asn, const char *country)
{
	guint32 *id = import_map_at(&loc->origins, key, 0), *org;

	if (*id == IMPORT_MAP_NONE) {
		org = import_map_at(&loc->names, asn, 0);
		if (*org == IMPORT_MAP_NONE)
			*org = 0;
		*id = import_set_origin(loc->set, asn, country, *org);
	}
	return *id;
}

static guint32
origin_of(Loc *loc, struct loc_network *network)
{
	const char *country = loc_network_get_country_code(network);
	guint32 asn = loc_network_get_asn(network);
	guint16 code = 0;
	guint64 key;
	guint slot;

	if (country != NULL)
		memcpy(&code, country, 2);
	/* with a bit that is always set: an empty slot has key 0 */
	key = (guint64)1 << 48 | (guint64)asn << 16 | code;
	slot = (asn ^ code) & (RECENT - 1);
	if (loc->recent[slot].key != key) {
		loc->recent[slot].key = key;
		loc->recent[slot].id = look_up_origin(loc, key, asn, country);
	}
	return loc->recent[slot].id;
}

static void
take_network(Loc *loc, struct loc_network *network)
{
	const struct in6_addr *first = loc_network_get_first_address(network);
	AsnNetwork net = {.len = (guint8)loc_network_prefix(network)};

	if (loc_network_address_family(network) == AF_INET) {
		net.addr.family = 4;
		memcpy(net.addr.b + 12, first->s6_addr + 12, 4);
	} else {
		net.addr.family = 6;
		memcpy(net.addr.b, first->s6_addr, 16);
	}
	import_set_add(loc->set, &net, origin_of(loc, network));
}

static gboolean
read_networks(
    Loc *loc, const char *path, const SourceProgress *progress, GError **error)
{
	struct loc_database_enumerator *e = NULL;
	struct loc_network *network = NULL;
	gboolean go_on = TRUE;
	guint64 n = 0;

	if (loc_database_enumerator_new(
		&e, loc->db, LOC_DB_ENUMERATE_NETWORKS, 0) != 0)
		return fail(path, "list the networks", error);
	import_set_expect(loc->set, (guint)loc->total);
	while (go_on &&
	       loc_database_enumerator_next_network(e, &network) == 0 &&
	       network != NULL) {
		take_network(loc, network);
		loc_network_unref(network);
		network = NULL;
		if (++n % TELL_EVERY == 0)
			go_on = source_tell(
			    progress, (double)n / (double)loc->total, error);
	}
	loc_database_enumerator_unref(e);
	if (go_on && n != loc->total)
		return fail(path, "read all networks", error);
	return go_on;
}

static char *
about(struct loc_database *db)
{
	time_t made = loc_database_created_at(db);
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(made);
	g_autofree char *date = t ? g_date_time_format(t, "%F") : NULL;
	const char *vendor = loc_database_get_vendor(db);
	const char *license = loc_database_get_license(db);

	return g_strdup_printf("%s location database of %s, %s",
	    vendor ? vendor : "IPFire", date ? date : "unknown date",
	    license ? license : "CC BY-SA 4.0");
}

/* libloc maps its file and takes the offsets in it on trust: it gets a copy of
 * what was checked, which nobody else can change or cut.  NULL: errno. */
static FILE *
file_of(const guint8 *data, gsize len)
{
	int fd = memfd_create("location.db", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r+e");

	if (f == NULL && fd >= 0)
		close(fd);
	if (f == NULL || (fwrite(data, 1, len, f) == len && fflush(f) == 0))
		return f;
	fclose(f);
	return NULL;
}

gboolean
source_read_loc(const guint8 *data, gsize len, const char *path, ImportSet *set,
    const SourceProgress *progress, SourceInfo *info, GError **error)
{
	Loc loc = {.set = set};
	gboolean ok = FALSE;
	FILE *f;

	if (!source_loc_check(data, len, path, &loc.total, error))
		return FALSE;
	f = file_of(data, len);
	if (f == NULL) {
		g_set_error(error, SOURCE_ERROR, SOURCE_ERROR_READ,
		    "%s: no room for a copy: %s", path, g_strerror(errno));
		return FALSE;
	}
	if (loc_new(&loc.ctx) == 0) {
		loc_set_log_fn(loc.ctx, say_nothing);
		if (loc_database_new(loc.ctx, &loc.db, f) != 0)
			fail(path, "open it", error);
		else
			ok = read_names(&loc, path, error) &&
			     read_networks(&loc, path, progress, error);
	}
	info->format = "libloc";
	if (ok)
		info->about = about(loc.db);
	if (loc.db != NULL)
		loc_database_unref(loc.db);
	if (loc.ctx != NULL)
		loc_unref(loc.ctx);
	import_map_clear(&loc.names);
	import_map_clear(&loc.origins);
	fclose(f);
	return ok;
}
