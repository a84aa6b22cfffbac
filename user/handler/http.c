// SPDX-License-Identifier: GPL-2.0-or-later
#include "handler/http.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "handler/handler.h"

#define SECRET_SIZE 8192

/* ---- the library --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define FUNCTION(name)                                             \
	{                                                          \
		"curl_" #name, offsetof(struct http_library, name) \
	}
	FUNCTION(global_init),	    FUNCTION(easy_init),	   FUNCTION(easy_setopt),
	FUNCTION(easy_getinfo),	    FUNCTION(easy_strerror),	   FUNCTION(easy_cleanup),
	FUNCTION(slist_append),	    FUNCTION(slist_free_all),	   FUNCTION(multi_init),
	FUNCTION(multi_add_handle), FUNCTION(multi_remove_handle), FUNCTION(multi_perform),
	FUNCTION(multi_poll),	    FUNCTION(multi_wakeup),	   FUNCTION(multi_info_read),
	FUNCTION(multi_cleanup),
};

static void *open_library(void)
{
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
	void *library = NULL;

	for (size_t i = 0; !library && i < sizeof(names) / sizeof(*names); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	return library;
}

static bool find_functions(void *library, struct http_library *curl)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *found = dlsym(library, functions[i].name);

		if (!found)
			return false;
		memcpy((char *)curl + functions[i].offset, &found, sizeof(found));
	}
	return true;
}

const struct http_library *http_load(const char **why)
{
	static struct http_library curl;
	static bool loaded;
	void *library;

	if (loaded)
		return &curl;
	library = open_library();
	if (!library) {
		*why = "libcurl is not here; install libcurl4";
		return NULL;
	}
	if (!find_functions(library, &curl) || curl.global_init(CURL_GLOBAL_DEFAULT)) {
		*why = "libcurl is too old, 7.68 at least is needed";
		dlclose(library);
		return NULL;
	}
	loaded = true;
	return &curl;
}

const char *handlers_http_lacking(void)
{
	const char *why = NULL;

	return http_load(&why) ? NULL : why;
}

/* ---- a way to an address ----------------------------------------------------------------------------- */

/* What a server says is of no interest, however long it is. */
static size_t discard(char *data, size_t size, size_t n, void *context)
{
	(void)data;
	(void)context;
	return size * n;
}

/* A string option; NULL leaves it unset. */
static bool set(struct http_request *request, CURLoption option, const char *value)
{
	return !value || request->curl->easy_setopt(request->easy, option, value) == CURLE_OK;
}

static bool set_long(struct http_request *request, CURLoption option, long value)
{
	return request->curl->easy_setopt(request->easy, option, value) == CURLE_OK;
}

static bool add_header(struct http_request *request, const char *header)
{
	struct curl_slist *grown = request->curl->slist_append(request->headers, header);

	if (grown)
		request->headers = grown;
	return grown;
}

static bool set_tls(struct http_request *request, const struct config_http *http)
{
	return set(request, CURLOPT_CAINFO, http->ca_file) &&
	       set(request, CURLOPT_SSLCERT, http->cert_file) &&
	       set(request, CURLOPT_SSLKEY, http->key_file) &&
	       set_long(request, CURLOPT_SSL_VERIFYPEER, !http->insecure_skip_verify) &&
	       set_long(request, CURLOPT_SSL_VERIFYHOST, http->insecure_skip_verify ? 0 : 2);
}

/*
 * The certificate is checked against the name in the address. For another one the address gets that name, is
 * connected to where it led before, and the server is told the old name as the host all the same.
 */
static bool rename_server(struct http_request *request, const char *url, const char *name, char **renamed)
{
	const char *host = strstr(url, "://") + 3, *end = host + strcspn(host, "/?#");
	const char *port = memchr(host, ']', (size_t)(end - host)) ?: host;
	char *header = NULL, *connect_to = NULL;
	bool ok;

	port = memchr(port, ':', (size_t)(end - port)) ?: end;
	if (asprintf(renamed, "%.*s%s%s", (int)(host - url), url, name, port) < 0)
		*renamed = NULL;
	if (asprintf(&header, "Host: %.*s", (int)(end - host), host) < 0)
		header = NULL;
	if (asprintf(&connect_to, "::%.*s%s", (int)(port - host), host, port == end ? ":" : "") < 0)
		connect_to = NULL;
	/* Behind the host stands the port, or nothing: the address's own. */
	if (connect_to && port != end) {
		char *with_port;

		ok = asprintf(&with_port, "%s%.*s", connect_to, (int)(end - port), port) >= 0;
		free(connect_to);
		connect_to = ok ? with_port : NULL;
	}
	request->connect_to = connect_to ? request->curl->slist_append(NULL, connect_to) : NULL;
	ok = *renamed && header && request->connect_to && add_header(request, header) &&
	     request->curl->easy_setopt(request->easy, CURLOPT_CONNECT_TO, request->connect_to) == CURLE_OK;
	free(header);
	free(connect_to);
	return ok;
}

static bool set_address(struct http_request *request, const struct config_handler *handler, const char *path)
{
	size_t length = strlen(handler->path);
	char *url, *renamed = NULL;
	bool ok;

	while (*path && handler->path[length - 1] == '/')
		length--;
	if (asprintf(&url, "%.*s%s", (int)length, handler->path, path) < 0)
		return false;
	ok = !handler->http.server_name || rename_server(request, url, handler->http.server_name, &renamed);
	ok = ok && set(request, CURLOPT_URL, renamed ?: url);
	free(renamed);
	free(url);
	return ok;
}

/*
 * A look-up of a name is a thread of libcurl's that nothing can end. When the time is up it is left behind;
 * else all handlers, and the end of lapse, would wait for a resolver that does not answer. Older ones wait.
 */
static void leave_lookups_behind(struct http_request *request)
{
#if LIBCURL_VERSION_NUM >= 0x075700
	set_long(request, CURLOPT_QUICK_EXIT, 1);
#else
	(void)request;
#endif
}

/* No proxy of the environment: an alert goes where the file says. */
static bool set_manners(struct http_request *request, const struct config_handler *handler)
{
	return set_long(request, CURLOPT_NOSIGNAL, 1) && set(request, CURLOPT_PROXY, "") &&
	       set(request, CURLOPT_USERAGENT, "lapse/" LAPSE_VERSION) &&
	       set_long(request, CURLOPT_TIMEOUT_MS, (long)(handler->timeout_ns / NSEC_PER_MSEC)) &&
	       set_long(request, CURLOPT_POST, 1) &&
	       request->curl->easy_setopt(request->easy, CURLOPT_WRITEFUNCTION, discard) == CURLE_OK &&
	       request->curl->easy_setopt(request->easy, CURLOPT_ERRORBUFFER, request->reason) == CURLE_OK;
}

int http_request_new(const struct http_library *curl, const struct config_handler *handler, const char *path,
		     struct http_request *request)
{
	*request = (struct http_request){.curl = curl, .easy = curl->easy_init()};
	if (request->easy && set_manners(request, handler) && set_tls(request, &handler->http) &&
	    set_address(request, handler, path)) {
		leave_lookups_behind(request);
		return 0;
	}
	http_request_free(request);
	return -ENOMEM;
}

void http_request_free(struct http_request *request)
{
	if (!request->curl)
		return;
	request->curl->easy_cleanup(request->easy);
	request->curl->slist_free_all(request->headers);
	request->curl->slist_free_all(request->connect_to);
	*request = (struct http_request){0};
}

/* ---- a request ------------------------------------------------------------------------------------- */

/* The text of @path without what stands behind its last letter. */
static bool read_secret(struct http_request *request, const char *path, char secret[SECRET_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, secret, SECRET_SIZE - 1);

	if (n < 0)
		snprintf(request->reason, sizeof(request->reason), "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	while (n > 0 && isspace((unsigned char)secret[n - 1]))
		n--;
	secret[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i < n; i++) {
		if ((unsigned char)secret[i] >= ' ' && secret[i] != 127)
			continue;
		snprintf(request->reason, sizeof(request->reason), "%s: a control character in it", path);
		return false;
	}
	return n >= 0;
}

static bool add_authorization(struct http_request *request, const struct config_http *http)
{
	char secret[SECRET_SIZE], *header;
	bool ok;

	if (http->credentials_file && !read_secret(request, http->credentials_file, secret))
		return false;
	if (asprintf(&header, "Authorization: %s %s", http->authorization,
		     http->credentials_file ? secret : http->credentials) < 0)
		return false;
	ok = add_header(request, header);
	free(header);
	return ok;
}

static bool set_basic_auth(struct http_request *request, const struct config_http *http)
{
	char secret[SECRET_SIZE];

	if (http->password_file && !read_secret(request, http->password_file, secret))
		return false;
	return set_long(request, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) &&
	       set(request, CURLOPT_USERNAME, http->username) &&
	       set(request, CURLOPT_PASSWORD, http->password_file ? secret : http->password);
}

static char *kept_host(const struct http_request *request)
{
	for (struct curl_slist *each = request->headers; each; each = each->next)
		if (strncmp(each->data, "Host: ", 6) == 0)
			return strdup(each->data);
	return NULL;
}

/* Those of the last request go, but for the host's name. */
static bool renew_headers(struct http_request *request)
{
	char *host = kept_host(request);
	bool ok;

	request->curl->slist_free_all(request->headers);
	request->headers = NULL;
	/* Without "Expect" no server is waited for before the body is sent. */
	ok = add_header(request, "Content-Type: application/json") && add_header(request, "Expect:") &&
	     (!host || add_header(request, host));
	free(host);
	return ok;
}

bool http_request_post(struct http_request *request, const struct config_handler *handler, const char *body)
{
	const struct config_http *http = &handler->http;

	strcpy(request->reason, "out of memory");
	if (!renew_headers(request) || (http->authorization && !add_authorization(request, http)) ||
	    (http->username && !set_basic_auth(request, http)))
		return false;
	if (request->curl->easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers) != CURLE_OK ||
	    !set_long(request, CURLOPT_POSTFIELDSIZE, (long)strlen(body)) ||
	    request->curl->easy_setopt(request->easy, CURLOPT_POSTFIELDS, body) != CURLE_OK)
		return false;
	*request->reason = '\0';
	return true;
}

enum http_outcome http_request_outcome(struct http_request *request, CURLcode code, long *after_s)
{
	curl_off_t after = 0;
	long status = 0;

	*after_s = 0;
	if (code != CURLE_OK) {
		if (!*request->reason)
			snprintf(request->reason, sizeof(request->reason), "%s",
				 request->curl->easy_strerror(code));
		return HTTP_AGAIN;
	}
	request->curl->easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		return HTTP_DONE;
	snprintf(request->reason, sizeof(request->reason), "the server answered with status %ld", status);
	if (status < 500 && status != 429)
		return HTTP_REFUSED;
	if (request->curl->easy_getinfo(request->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
		*after_s = (long)after;
	return HTTP_AGAIN;
}
