/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay-maildir.c: mails of Maildirs as a stream for replay. */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>

#include "block.h"
#include "escape.h"
#include "open-databases.h"
#include "progress.h"
#include "replay-maildir.h"
#include "seal-keys.h"
#include "votes.h"

typedef struct {
	ReplayMaildirs *r;
	AsnSealer *sealer;
	char **own_hosts;
	gint64 now;
	GArray *mails;     /* ReplayMail */
	GHashTable *known; /* KnownMail -> its index in mails */
} Collecting;

typedef struct {
	guint8 digest[16];
	guint32 user;
	guint index;
} KnownMail;

/* --- opening -------------------------------------------------------------- */

static int
open_databases(const ReplayMaildirAsk *ask, ReplayMaildirs *out)
{
	g_autofree char *problem = NULL;
	g_autoptr(GError) error = NULL;
	int code;

	out->config = asn_config_load(ask->config, &error);
	if (out->config == NULL) {
		g_printerr("asnctl replay: %s\n", error->message);
		return EX_CONFIG;
	}
	code = asn_open_networks(ask->db ? ask->db : out->config->database_dir,
	    &out->networks, &problem, NULL);
	if (code != EX_OK)
		g_printerr("asnctl replay: %s\n", problem);
	return code;
}

static int
add_dirs(ReplayMaildirs *out, char **dirs)
{
	char shown[ASN_ESCAPE_SIZE];

	for (char **dir = dirs; *dir != NULL; dir++) {
		if (maildirs_add(out->maildirs, *dir))
			continue;
		g_printerr("asnctl replay: %s: %s\n",
		    asn_escape_str(shown, *dir),
		    errno == ENOENT ? "there is no Maildir (a directory with "
				      "cur and new in it)"
				    : g_strerror(errno));
		return EX_NOINPUT;
	}
	return EX_OK;
}

static int
add_patterns(ReplayMaildirs *out)
{
	for (char **p = out->config->maildirs; p && *p; p++)
		maildirs_add_pattern(out->maildirs, *p);
	if (maildirs_number(out->maildirs) > 0)
		return EX_OK;
	g_printerr("asnctl replay: maildirs in asnd.conf(5) matches no Maildir "
		   "that may be read: name yours, as in \"asnctl replay "
		   "--maildir ~/Maildir\"\n");
	return EX_NOINPUT;
}

int
replay_maildirs_open(const ReplayMaildirAsk *ask, ReplayMaildirs *out)
{
	const gboolean named = ask->dirs != NULL && ask->dirs[0] != NULL;
	int code;

	memset(out, 0, sizeof *out);
	code = open_databases(ask, out);
	if (code != EX_OK)
		return code;
	if (ask->junk != NULL) {
		g_strfreev(out->config->junk_folders);
		out->config->junk_folders = g_strdupv(ask->junk);
	}
	out->maildirs = maildirs_new();
	return named ? add_dirs(out, ask->dirs) : add_patterns(out);
}

void
replay_maildirs_clear(ReplayMaildirs *r)
{
	maildirs_free(r->maildirs);
	asn_networks_close(r->networks);
	asn_config_free(r->config);
	g_free(r->no_seals);
}

/* --- one mail ------------------------------------------------------------- */

static gboolean
leave(Collecting *c, ReplayLeft why)
{
	c->r->left[why]++;
	return FALSE;
}

/* By its folder and its flags alone. */
static gboolean
look(const MaildirsMail *mail, gpointer data)
{
	Collecting *c = data;
	const guint flags = asnd_mail_flags(mail->name, strlen(mail->name));

	c->r->mails++;
	switch (asnd_place(c->r->config, mail->folder, strlen(mail->folder))) {
	case ASND_PLACE_JUNK:
		return TRUE;
	case ASND_PLACE_TRASH:
		return leave(c, REPLAY_LEFT_TRASH);
	case ASND_PLACE_OTHER:
		break;
	}
	if (flags & (ASND_MAIL_TRASHED | ASND_MAIL_DRAFT))
		return leave(c, REPLAY_LEFT_DELETED);
	if (!(flags &
		(ASND_MAIL_SEEN | ASND_MAIL_ANSWERED | ASND_MAIL_FLAGGED)))
		return leave(c, REPLAY_LEFT_UNREAD);
	return TRUE;
}

static ReplayWord
word_of(const Collecting *c, const MaildirsMail *mail, const AsndBlock *block)
{
	const guint flags = asnd_mail_flags(mail->name, strlen(mail->name));

	if (asnd_place(c->r->config, mail->folder, strlen(mail->folder)) ==
	    ASND_PLACE_JUNK)
		return block->flagged ? REPLAY_WORD_NONE : REPLAY_WORD_SPAM;
	return flags & (ASND_MAIL_ANSWERED | ASND_MAIL_FLAGGED)
		   ? REPLAY_WORD_HAM
		   : REPLAY_WORD_SEEN;
}

static gboolean
is_spam(ReplayWord word)
{
	return word == REPLAY_WORD_SPAM || word == REPLAY_WORD_NONE;
}

/* The same mail again: its place in a junk folder is what counts. */
static gboolean
is_copy(Collecting *c, const ReplayMail *mail)
{
	KnownMail key = {.user = mail->user, .index = c->mails->len};
	const KnownMail *known;
	ReplayMail *first;

	memcpy(key.digest, mail->digest, sizeof key.digest);
	known = g_hash_table_lookup(c->known, &key);
	if (known == NULL) {
		g_hash_table_add(c->known, g_memdup2(&key, sizeof key));
		return FALSE;
	}
	first = &g_array_index(c->mails, ReplayMail, known->index);
	if (mail->row.spam && !first->row.spam)
		*first = *mail;
	return TRUE;
}

static void
take(const MaildirsMail *mail, gpointer data)
{
	Collecting *c = data;
	ReplayMail out = {.user = mail->user};
	AsndBlock block;

	asnd_block_parse(mail->data, mail->len, c->sealer, c->r->config,
	    c->own_hosts, &block);
	if (block.addr.family == 0) {
		leave(c, REPLAY_LEFT_NO_CLIENT);
		return;
	}
	memcpy(out.digest, block.digest, sizeof out.digest);
	out.word = word_of(c, mail, &block);
	out.row = (ReplayRow){.t = (double)MIN(block.time, c->now),
	    .key = asn_networks_key(c->r->networks, &block.addr),
	    .spam = is_spam(out.word)};
	if (is_copy(c, &out))
		leave(c, REPLAY_LEFT_COPY);
	else
		g_array_append_val(c->mails, out);
}

/* --- all of them ---------------------------------------------------------- */

static guint
known_hash(gconstpointer key)
{
	const KnownMail *k = key;
	guint32 h;

	memcpy(&h, k->digest, sizeof h);
	return h ^ k->user;
}

static gboolean
known_equal(gconstpointer a, gconstpointer b)
{
	const KnownMail *x = a, *y = b;

	return x->user == y->user &&
	       memcmp(x->digest, y->digest, sizeof x->digest) == 0;
}

/* Mails of one second in an order that the file system does not choose. */
static int
earlier(gconstpointer a, gconstpointer b)
{
	const ReplayMail *x = a, *y = b;
	int order;

	if (x->row.t != y->row.t)
		return x->row.t < y->row.t ? -1 : 1;
	order = memcmp(x->digest, y->digest, sizeof x->digest);
	return order != 0 ? order : (int)x->row.spam - (int)y->row.spam;
}

static AsnSealKeys *
load_keys(ReplayMaildirs *r)
{
	g_autofree char *path = asn_seal_keys_path(r->config);
	g_autoptr(GError) error = NULL;
	AsnSealKeys *keys = asn_seal_keys_load(path, &error);

	if (keys == NULL)
		r->no_seals = g_strdup(
		    error ? error->message : "there is no seal key here");
	return keys;
}

static gboolean
collect(Collecting *c)
{
	Progress bar;
	const MaildirsReader reader = {.look = look,
	    .read = take,
	    .goes_on = progress_tell,
	    .data = c,
	    .progress = &bar};
	gboolean done;

	progress_catch_signals();
	progress_init(&bar, "reading mails");
	done = maildirs_read(c->r->maildirs, &reader);
	progress_clear(&bar);
	if (!done) { /* dies of the signal, as whoever sent it expects */
		signal(progress_signal(), SIG_DFL);
		raise(progress_signal());
	}
	return done;
}

static void
make_stream(const Collecting *c, double delay, ReplayStream *stream)
{
	g_array_sort(c->mails, earlier);
	stream->rows =
	    g_array_sized_new(FALSE, FALSE, sizeof(ReplayRow), c->mails->len);
	for (guint i = 0; i < c->mails->len; i++)
		g_array_append_val(
		    stream->rows, g_array_index(c->mails, ReplayMail, i).row);
	stream->votes = replay_maildir_votes(
	    c->mails, maildirs_number(c->r->maildirs), delay);
	stream->reporters = TRUE;
}

int
replay_maildirs_read(ReplayMaildirs *r, double delay, ReplayStream *stream)
{
	AsnSealKeys *keys = load_keys(r);
	Collecting c = {.r = r, .now = g_get_real_time() / G_USEC_PER_SEC};
	int code = EX_SOFTWARE;

	c.sealer = keys ? asn_sealer_new(keys) : NULL;
	c.own_hosts = asnd_block_own_hosts(r->config);
	c.mails = g_array_new(FALSE, FALSE, sizeof(ReplayMail));
	c.known = g_hash_table_new_full(known_hash, known_equal, g_free, NULL);
	if (collect(&c)) {
		make_stream(&c, delay, stream);
		code = EX_OK;
	}
	g_hash_table_unref(c.known);
	g_array_unref(c.mails);
	g_strfreev(c.own_hosts);
	asn_sealer_free(c.sealer);
	asn_seal_keys_free(keys);
	return code;
}
