/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests by libcurl, which is loaded when the first handler needs it: who has none neither waits for it and
 * the libraries that it brings along, nor needs to have it.
 */
#ifndef LAPSE_HANDLER_HTTP_H
#define LAPSE_HANDLER_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>

/* The functions of libcurl that are used. */
struct http_library {
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_setopt) *easy_setopt;
	__typeof__(curl_easy_getinfo) *easy_getinfo;
	__typeof__(curl_easy_strerror) *easy_strerror;
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
	__typeof__(curl_multi_init) *multi_init;
	__typeof__(curl_multi_add_handle) *multi_add_handle;
	__typeof__(curl_multi_remove_handle) *multi_remove_handle;
	__typeof__(curl_multi_perform) *multi_perform;
	__typeof__(curl_multi_poll) *multi_poll;
	__typeof__(curl_multi_wakeup) *multi_wakeup;
	__typeof__(curl_multi_info_read) *multi_info_read;
	__typeof__(curl_multi_cleanup) *multi_cleanup;
};

/* Loads it, once. NULL: it cannot be, and *why says so. */
const struct http_library *http_load(const char **why);

/* A way to one address, used again and again. */
struct http_request {
	const struct http_library *curl;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char reason[CURL_ERROR_SIZE];
};

/* What leads to @handler's address, extended by @path. 0 or -errno (-EINVAL: the address is none). */
int http_request_new(const struct http_library *curl, const struct config_handler *handler, const char *path,
		     struct http_request *request);
void http_request_free(struct http_request *request);

/* Makes it a POST of @body, which must stay until it is done; secrets are read from their files now. False:
 * they cannot be, and request->reason says why. */
bool http_request_post(struct http_request *request, const struct config_handler *handler, const char *body);

enum http_outcome { HTTP_DONE, HTTP_REFUSED, HTTP_AGAIN };
/* What a request that has ended with @code came to; request->reason says why it is to be made again, or is
 * not. *after_s: the server's own word on when; 0: none. */
enum http_outcome http_request_outcome(struct http_request *request, CURLcode code, long *after_s);

#endif
