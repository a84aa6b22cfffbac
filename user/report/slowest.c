// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/slowest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void drop(struct slow_span *span)
{
	free(span->text);
	free(span->frames);
	*span = (struct slow_span){0};
}

void slowest_free(struct slowest *slowest)
{
	for (size_t i = 0; i < slowest->n_components; i++) {
		for (size_t j = 0; j < slowest->components[i].n; j++)
			drop(&slowest->components[i].spans[j]);
		free(slowest->components[i].spans);
	}
	free(slowest->components);
	free(slowest->sorted);
	*slowest = (struct slowest){0};
}

static struct slow_component *component_of(struct slowest *slowest, size_t component)
{
	struct slow_component *grown, *c;

	if (component >= slowest->n_components) {
		grown = reallocarray(slowest->components, component + 1, sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + slowest->n_components, 0,
		       (component + 1 - slowest->n_components) * sizeof(*grown));
		slowest->components = grown;
		slowest->n_components = component + 1;
	}
	c = &slowest->components[component];
	if (!c->spans)
		c->spans = calloc(slowest->most, sizeof(*c->spans));
	return c->spans ? c : NULL;
}

static uint64_t duration(const struct slow_span *span)
{
	return span->span.span.duration_ns;
}

static void swap(struct slow_span *a, struct slow_span *b)
{
	struct slow_span keep = *a;

	*a = *b;
	*b = keep;
}

/* What was put at @i of the heap finds its place below ... */
static void sink(struct slow_component *c, size_t i)
{
	for (size_t least = i;; i = least) {
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < c->n; child++)
			if (duration(&c->spans[child]) < duration(&c->spans[least]))
				least = child;
		if (least == i)
			return;
		swap(&c->spans[i], &c->spans[least]);
	}
}

/* ... or above. */
static void rise(struct slow_component *c, size_t i)
{
	for (; i && duration(&c->spans[i]) < duration(&c->spans[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&c->spans[i], &c->spans[(i - 1) / 2]);
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* "brief\0frame\0frame\0", and where the frames begin. */
static int take_stack(struct slow_span *to, const char *brief, const char *stack)
{
	size_t n, length;

	if (!stack || !*stack)
		return 0;
	n = count_lines(stack);
	to->frames = calloc(n, sizeof(*to->frames));
	if (!to->frames || asprintf(&to->text, "%s\n%s", brief ?: "", stack) < 0) {
		to->text = NULL;
		return -ENOMEM;
	}
	length = strlen(to->text);
	for (char *at = to->text; at < to->text + length; at++)
		if (*at == '\n')
			*at = '\0';
	to->stack = (struct output_stack){.frames = to->frames, .brief = to->text};
	for (const char *at = to->text + strlen(to->text) + 1; to->stack.n < n; at += strlen(at) + 1)
		to->frames[to->stack.n++] =
			(struct output_frame){.text = at, .name = "", .file = "", .build_id = ""};
	return 0;
}

int slowest_add(struct slowest *slowest, const struct lapse_span *span, const char *brief, const char *stack)
{
	struct slow_component *c = component_of(slowest, span->component);
	struct slow_span *to;
	int err;

	if (!c)
		return -ENOMEM;
	if (c->n == slowest->most && span->duration_ns <= duration(&c->spans[0]))
		return 0;
	to = c->n == slowest->most ? &c->spans[0] : &c->spans[c->n];
	drop(to);
	memcpy(&to->span, span, message_span_size(span));
	err = take_stack(to, brief, stack);
	if (c->n == slowest->most)
		sink(c, 0);
	else
		rise(c, c->n++);
	return err;
}

static int slower_first(const void *a, const void *b)
{
	const struct lapse_span *x = &(*(struct slow_span *const *)a)->span.span;
	const struct lapse_span *y = &(*(struct slow_span *const *)b)->span.span;

	if (x->duration_ns != y->duration_ns)
		return x->duration_ns < y->duration_ns ? 1 : -1;
	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

int slowest_sort(struct slowest *slowest)
{
	slowest->sorted = calloc(slowest->n_components * slowest->most + 1, sizeof(*slowest->sorted));
	if (!slowest->sorted)
		return -ENOMEM;
	for (size_t i = 0; i < slowest->n_components; i++)
		for (size_t j = 0; j < slowest->components[i].n; j++)
			slowest->sorted[slowest->n_sorted++] = &slowest->components[i].spans[j];
	qsort(slowest->sorted, slowest->n_sorted, sizeof(*slowest->sorted), slower_first);
	return 0;
}
