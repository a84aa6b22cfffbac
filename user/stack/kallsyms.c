// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/kallsyms.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file has no size to go by. */
static int read_all(const char *path, char **text)
{
	FILE *file = fopen(path, "re");
	size_t size = 0;

	if (!file)
		return -errno;
	errno = 0;
	if (getdelim(text, &size, '\0', file) < 0) {
		int err = ferror(file) && errno ? -errno : 0;

		fclose(file);
		if (err)
			return err;
		free(*text);
		*text = calloc(1, 1);
		return *text ? 0 : -ENOMEM;
	}
	fclose(file);
	return 0;
}

/* "ffffffff81000000 T name [module]", whose words are ended in place; false for what is no such line. */
static bool parse_line(char *line, struct kernel_symbol *symbol)
{
	char *end, *bracket;

	errno = 0;
	symbol->addr = strtoull(line, &end, 16);
	if (errno || end == line || end[0] != ' ' || !isalpha((unsigned char)end[1]) || end[2] != ' ')
		return false;
	symbol->function = strchr("tTwW", end[1]) != NULL;
	symbol->name = end + 3;
	symbol->module = NULL;
	end += 3 + strcspn(end + 3, "\t ");
	bracket = strchr(end, '[');
	*end = '\0';
	if (bracket) {
		symbol->module = bracket + 1;
		bracket[strcspn(bracket, "]")] = '\0';
	}
	return *symbol->name;
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* Of several at one address: a function, with fewer leading underscores, the first in the file. */
static int compare(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;
	size_t under_x, under_y;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->function != y->function)
		return x->function ? -1 : 1;
	under_x = strspn(x->name, "_");
	under_y = strspn(y->name, "_");
	if (under_x != under_y)
		return under_x < under_y ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void drop_doubles(struct kallsyms *kallsyms)
{
	size_t kept = 0;

	for (size_t i = 0; i < kallsyms->n; i++) {
		if (!kept || kallsyms->symbols[kept - 1].addr != kallsyms->symbols[i].addr)
			kallsyms->symbols[kept++] = kallsyms->symbols[i];
	}
	kallsyms->n = kept;
}

int kallsyms_read(struct kallsyms *kallsyms, const char *path)
{
	bool any = false;
	char *line, *rest;
	int err;

	memset(kallsyms, 0, sizeof(*kallsyms));
	err = read_all(path, &kallsyms->text);
	if (err)
		return err;
	kallsyms->symbols = calloc(count_lines(kallsyms->text), sizeof(*kallsyms->symbols));
	if (!kallsyms->symbols)
		return -ENOMEM;
	for (rest = kallsyms->text; (line = strsep(&rest, "\n"));) {
		struct kernel_symbol *symbol = &kallsyms->symbols[kallsyms->n];

		if (!parse_line(line, symbol))
			continue;
		any = true;
		/* Hidden ones are all at 0; so are, openly, the offsets into per-CPU data. */
		kallsyms->n += symbol->addr != 0;
	}
	kallsyms->hidden = any && kallsyms->n == 0;
	qsort(kallsyms->symbols, kallsyms->n, sizeof(*kallsyms->symbols), compare);
	drop_doubles(kallsyms);
	return 0;
}

void kallsyms_free(struct kallsyms *kallsyms)
{
	free(kallsyms->text);
	free(kallsyms->symbols);
	memset(kallsyms, 0, sizeof(*kallsyms));
}

const struct kernel_symbol *kallsyms_find(const struct kallsyms *kallsyms, uint64_t addr)
{
	size_t low = 0, high = kallsyms->n;
	const struct kernel_symbol *symbol;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kallsyms->symbols[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	symbol = &kallsyms->symbols[low - 1];
	return symbol->function && addr - symbol->addr < KERNEL_FUNCTION_MAX ? symbol : NULL;
}
