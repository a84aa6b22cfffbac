// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

static const struct {
	const char *word;
	enum clone clone;
} suffixes[] = {
	{".cold", CLONE_COLD},	      {".part.", CLONE_PART},	   {".isra.", CLONE_WHOLE},
	{".constprop.", CLONE_WHOLE}, {".lto_priv.", CLONE_WHOLE}, {".llvm.", CLONE_WHOLE},
	{".localalias", CLONE_WHOLE}, {".clone.", CLONE_WHOLE},
};

/* Words that a mangled name abbreviates, or that are no part of it. */
static const char *const not_verbatim[] = {
	"std",	    "string",	   "allocator", "basic_string", "basic_istream", "basic_ostream",
	"iostream", "istream",	   "ostream",	"operator",	"void",		 "bool",
	"char",	    "short",	   "int",	"long",		"unsigned",	 "signed",
	"float",    "double",	   "const",	"volatile",	"anonymous",	 "namespace",
	"lambda",   "unnamed",	   "type",	"decltype",	"auto",		 "new",
	"delete",   "closure",	   "clone",	"vtable",	"typeinfo",	 "wchar_t",
	"__int128", "char_traits", "impl",	"as",		"dyn",		 "mut",
	"for",	    "guard",	   "variable",	"thunk",	"nullptr_t",	 "char8_t",
	"char16_t", "char32_t",	   "u8",	"u16",		"u32",		 "u64",
	"usize",    "i8",	   "i16",	"i32",		"i64",		 "isize",
	"str",	    "shim",	   "true",	"false",	"noexcept",	 "requires",
};

/* Suffixes end the name, or are numbered; in Go the same words may be names behind a package's dot. */
static bool is_suffix(const char *found, const char *word)
{
	const char *after = found + strlen(word);

	if (after[-1] == '.')
		return isdigit((unsigned char)*after);
	return !*after || *after == '@' || (*after == '.' && isdigit((unsigned char)after[1]));
}

size_t name_base(const char *symbol, enum clone *clone)
{
	size_t length = strcspn(symbol, "@");

	if (clone)
		*clone = CLONE_NONE;
	if (!strchr(symbol, '.'))
		return length;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const char *found = strstr(symbol, suffixes[i].word);

		if (!found || found == symbol || !is_suffix(found, suffixes[i].word) ||
		    (size_t)(found - symbol) >= length + strlen(".cold"))
			continue;
		if ((size_t)(found - symbol) < length)
			length = (size_t)(found - symbol);
		/* The table lists the weightiest first: cold, then part. */
		if (clone && *clone == CLONE_NONE)
			*clone = suffixes[i].clone;
	}
	return length;
}

bool name_mangled(const char *symbol)
{
	return symbol[0] == '_' && (symbol[1] == 'Z' || symbol[1] == 'R');
}

/* Takes out tags such as "[abi:cxx11]", which the source's names do not have. */
static void drop_tags(char *name)
{
	char *tag = name, *end;

	while ((tag = strstr(tag, "[abi:")) && (end = strchr(tag, ']')))
		memmove(tag, end + 1, strlen(end + 1) + 1);
}

char *name_readable(const char *symbol, bool signature)
{
	char *base = strndup(symbol, name_base(symbol, NULL)), *readable;

	if (!base || !name_mangled(base))
		return base;
	readable = cplus_demangle(base, signature ? DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO : DMGL_AUTO);
	if (!readable)
		return base;
	free(base);
	drop_tags(readable);
	return readable;
}

static bool is_verbatim(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(not_verbatim) / sizeof(not_verbatim[0]); i++) {
		if (strlen(not_verbatim[i]) == length && strncmp(word, not_verbatim[i], length) == 0)
			return false;
	}
	return true;
}

size_t name_pieces(const char *pattern, struct piece *pieces, size_t max)
{
	size_t found = 0;

	for (const char *at = pattern; *at && *at != '(' && *at != '<' && found < max;) {
		size_t n = 0;

		while (isalnum((unsigned char)at[n]) || at[n] == '_')
			n++;
		if (n && is_verbatim(at, n))
			pieces[found++] = (struct piece){.start = at, .length = n};
		at += n ? n : 1;
	}
	return found;
}
