// SPDX-License-Identifier: GPL-2.0-or-later
/* Handlers over HTTP: where to, and who they say they are, as Prometheus has it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "config/config_schema.h"

#define AUTHORIZATION_DEFAULT "Bearer"

/* What goes into a header or a URL must not end it. */
static bool is_one_word(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 127)
			return false;
	return true;
}

static int apply_url(const struct config_walk *walk, const struct config_row *row,
		     const struct tree_entry *entry, struct config_handler *handler)
{
	struct config_row text = *row;
	const char *url = entry->value.text;
	int err = config_want_scalar(walk, row, entry);
	const char *host;

	if (err)
		return err;
	host = strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : "";
	if (!*host || *host == '/' || !is_one_word(url))
		return config_wrong(walk, row, entry);
	if (strchr(host, '@') && strcspn(host, "@") < strcspn(host, "/?#"))
		return config_bad(walk, entry->value.mark,
				  "a password in the URL would be seen in every message: give basic_auth");
	text.offset = offsetof(struct config_handler, path);
	return config_apply_text(walk, &text, entry, handler);
}

int config_apply_webhook(const struct config_walk *walk, const struct config_row *row,
			 const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;

	handler->kind = HANDLER_WEBHOOK;
	return apply_url(walk, row, entry, handler);
}

int config_apply_alertmanager(const struct config_walk *walk, const struct config_row *row,
			      const struct tree_entry *entry, void *into)
{
	struct config_handler *handler = into;

	handler->kind = HANDLER_ALERTMANAGER;
	return apply_url(walk, row, entry, handler);
}

/* Text that stands in a header of its own. */
int config_apply_secret(const struct config_walk *walk, const struct config_row *row,
			const struct tree_entry *entry, void *into)
{
	int err = config_want_scalar(walk, row, entry);

	/* What it is stays unsaid. */
	for (const char *c = entry->value.text; !err && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return config_bad(walk, entry->value.mark, "a control character in '%s'", row->key);
	return err ?: config_apply_text(walk, row, entry, into);
}

int config_apply_authorization(const struct config_walk *walk, const struct config_row *row,
			       const struct tree_entry *entry, void *into)
{
	struct config_http *http = (struct config_http *)((char *)into + row->offset);
	int err = config_apply_mapping(walk, row, entry, into);

	if (err)
		return err;
	if (!http->credentials == !http->credentials_file)
		return config_bad(walk, entry->mark,
				  "'authorization' takes exactly one of credentials and credentials_file");
	if (!http->authorization)
		http->authorization = strdup(AUTHORIZATION_DEFAULT);
	if (!http->authorization)
		return -ENOMEM;
	if (!is_one_word(http->authorization) || strcasecmp(http->authorization, "basic") == 0)
		return config_bad(walk, entry->mark, "type '%s': %s", http->authorization,
				  is_one_word(http->authorization) ? "give basic_auth for that"
								   : "that is one word");
	return 0;
}

int config_apply_basic_auth(const struct config_walk *walk, const struct config_row *row,
			    const struct tree_entry *entry, void *into)
{
	const struct config_http *http = (struct config_http *)((char *)into + row->offset);
	int err = config_apply_mapping(walk, row, entry, into);

	if (err)
		return err;
	if (!http->password == !http->password_file)
		return config_bad(walk, entry->mark,
				  "'basic_auth' takes exactly one of password and password_file");
	if (http->authorization)
		return config_bad(walk, entry->mark, "'basic_auth' beside 'authorization': one of them");
	if (strchr(http->username, ':'))
		return config_bad(walk, entry->mark, "a user name has no colon");
	return 0;
}

int config_apply_tls(const struct config_walk *walk, const struct config_row *row,
		     const struct tree_entry *entry, void *into)
{
	const struct config_http *http = (struct config_http *)((char *)into + row->offset);
	int err = config_apply_mapping(walk, row, entry, into);

	if (!err && !http->cert_file != !http->key_file)
		return config_bad(walk, entry->mark, "cert_file and key_file go together");
	if (!err && http->server_name &&
	    (!is_one_word(http->server_name) || strpbrk(http->server_name, "/:@")))
		return config_bad(walk, entry->mark, "server_name '%s' is no name of a host",
				  http->server_name);
	return err;
}

void config_http_free(struct config_http *http)
{
	char **texts[] = {&http->authorization, &http->credentials, &http->credentials_file,
			  &http->username,	&http->password,    &http->password_file,
			  &http->ca_file,	&http->cert_file,   &http->key_file,
			  &http->server_name};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
}
