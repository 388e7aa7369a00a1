/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-milter.c: asks the milter as Postfix would: does it answer? */

#include <string.h>

#include <gio/gunixsocketaddress.h>

#include "status.h"

#define TIMEOUT 3 /* seconds */
/* Milter protocol: length, SMFIC_OPTNEG, then version, actions and steps; the
 * answer is of the same form. */
#define BODY 13
#define PACKET (4 + BODY)
static const guint8 hello[PACKET] = {
    0, 0, 0, BODY, 'O', 0, 0, 0, 6, 0, 0, 0x01, 0xff, 0, 0x1f, 0xff, 0xff};
static const guint8 quit[5] = {0, 0, 0, 1, 'Q'};

/* inet:PORT@HOST; configuration was checked.  The service manager's "fd:" has
 * no address. */
static GSocketConnection *
connect_to(GSocketClient *client, const char *spec, GError **error)
{
	g_autoptr(GSocketAddress) address = NULL;
	const char *at = strchr(spec, '@'), *colon = strchr(spec, ':');

	if (g_str_has_prefix(spec, "unix:"))
		address = g_unix_socket_address_new(spec + 5);
	else if (at != NULL && colon != NULL)
		return g_socket_client_connect_to_host(client, at + 1,
		    (guint16)g_ascii_strtoull(colon + 1, NULL, 10), NULL,
		    error);
	if (address != NULL)
		return g_socket_client_connect(
		    client, G_SOCKET_CONNECTABLE(address), NULL, error);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
	    "%s has no address", spec);
	return NULL;
}

static gboolean
negotiate(GSocketConnection *connection, GError **error)
{
	GIOStream *stream = G_IO_STREAM(connection);
	GOutputStream *out = g_io_stream_get_output_stream(stream);
	GInputStream *in = g_io_stream_get_input_stream(stream);
	guint8 answer[PACKET];
	gsize n;

	if (!g_output_stream_write_all(
		out, hello, sizeof hello, NULL, NULL, error) ||
	    !g_input_stream_read_all(
		in, answer, sizeof answer, &n, NULL, error))
		return FALSE;
	g_output_stream_write_all(out, quit, sizeof quit, NULL, NULL, NULL);
	if (n == sizeof answer && answer[4] == 'O')
		return TRUE;
	g_set_error_literal(
	    error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "that is no milter");
	return FALSE;
}

void
status_look_at_milter(Status *s)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketConnection) connection = NULL;
	g_autoptr(GError) error = NULL;

	g_socket_client_set_enable_proxy(client, FALSE);
	g_socket_client_set_timeout(client, TIMEOUT);
	s->milter = "unknown";
	connection = connect_to(client, s->config->socket, &error);
	if (connection != NULL && negotiate(connection, &error)) {
		s->milter = "answers";
		return;
	}
	/* Its socket is for Postfix: others than root cannot tell. */
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED) ||
	    g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
		return;
	s->milter = "unreachable";
	if (status_unit_is_down(s, "asn-milter.socket") &&
	    status_unit_is_down(s, "asn-milter.service"))
		return;
	status_problem(s, STATUS_BROKEN,
	    g_strdup_printf("asn-milter does not answer at %s, mail gets no "
			    "header: %s",
		s->config->socket, error->message),
	    s->systemd ? "systemctl restart asn-milter.socket asn-milter"
		       : "start asn-milter");
}
