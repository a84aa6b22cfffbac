// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads the final object of lapse's JSON from standard input:
 *
 *     figure integrity KEY...        the sum of these figures
 *     figure component NAME KEY      the first figure of that name in the component; of a histogram its count
 *
 * Prints a line, or none where a figure is not there or is null.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 32

struct place {
	const char
		*keys[DEEPEST]; /* by which each level was entered; an array has its own at all its members */
	int depth;
};

/* From a string's first character to its closing quote, which becomes its end. */
static char *string_end(char *at)
{
	while (*at && *at != '"')
		at += at[0] == '\\' && at[1] ? 2 : 1;
	return at;
}

/* Whether the place is KEY of a component, at any depth, or of the whole's integrity. */
static int matches(const struct place *place, const char *component, const char *key)
{
	int within = component ? place->depth > 3 && !strcmp(place->keys[1], "components") &&
					 !strcmp(place->keys[2], component)
			       : place->depth == 3 && !strcmp(place->keys[1], "integrity");

	return within && !strcmp(place->keys[place->depth - 1], key);
}

/* Of what stands at AT of [[low,high,count],...]: its third members together. */
static long long histogram_count(const char *at)
{
	long long sum = 0, count;

	while (sscanf(at, "%*[[,]%*d,%*d,%lld", &count) == 1) {
		sum += count;
		at = strchr(at, ']') + 1;
	}
	return sum;
}

/* The text of the value, or NULL. The object is read as it is written: without blanks. */
static const char *find(char *at, const char *component, const char *key)
{
	struct place place = {.keys = {""}, .depth = 1};
	char *text;

	for (; *at; at++) {
		if (strchr("{[", *at) && place.depth < DEEPEST - 1) {
			place.keys[place.depth] = place.keys[place.depth - 1];
			place.depth++;
		} else if (strchr("}]", *at)) {
			place.depth--;
		} else if (*at == '"') {
			text = at + 1;
			at = string_end(text);
			if (at[0] && at[1] == ':') {
				*at++ = '\0';
				place.keys[place.depth - 1] = text;
				if (matches(&place, component, key))
					return at + 1;
			}
		}
		if (place.depth < 1)
			break;
	}
	return NULL;
}

static char *read_all(void)
{
	size_t room = 0;
	char *text = NULL;

	return getdelim(&text, &room, '\0', stdin) > 0 ? text : NULL;
}

static int print_sum(char *text, char **keys)
{
	long long sum = 0;
	const char *value;
	char *copy;

	for (; *keys; keys++) {
		copy = strdup(text);
		value = find(copy, NULL, *keys);
		if (!value || !isdigit((unsigned char)*value))
			return 1;
		sum += atoll(value);
		free(copy);
	}
	printf("%lld\n", sum);
	return 0;
}

static int print_figure(char *text, const char *component, const char *key)
{
	const char *value = find(text, component, key);

	if (!value || !(isdigit((unsigned char)*value) || *value == '['))
		return 1;
	if (*value == '[')
		printf("%lld\n", histogram_count(value + 1));
	else
		printf("%.*s\n", (int)strspn(value, "0123456789."), value);
	return 0;
}

int main(int argc, char **argv)
{
	char *text = read_all();

	if (!text)
		return 1;
	if (argc > 2 && !strcmp(argv[1], "integrity"))
		return print_sum(text, argv + 2);
	if (argc == 4 && !strcmp(argv[1], "component"))
		return print_figure(text, argv[2], argv[3]);
	return 2;
}
