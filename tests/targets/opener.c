// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that loads the C library libshared.so by itself, before it may be traced or when it is told to
 * go, and calls a function of it; "late" it says "loaded" first, and waits for a second word:
 *
 *     opener early|late [CALLS]
 */
#include "common.h"

#include <dlfcn.h>

typedef uint64_t (*work_function)(uint64_t ns);

static work_function load(void)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 16);
	work_function work;
	void *handle;

	if (len < 0)
		exit(2);
	path[len] = '\0';
	strcpy(strrchr(path, '/') + 1, "libshared.so");
	handle = dlopen(path, RTLD_NOW);
	work = handle ? (work_function)dlsym(handle, "shared_work") : NULL;
	if (!work) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	return work;
}

int main(int argc, char **argv)
{
	int early = argc > 1 && !strcmp(argv[1], "early");
	long calls = argc > 2 ? atol(argv[2]) : 1000, i;
	work_function work = early ? load() : NULL;
	char line[16];

	target_ready();
	if (!early) {
		work = load();
		puts("loaded");
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			return 2;
	}
	for (i = 0; i < calls; i++)
		work(5000);
	target_done("calls=%ld", calls);
	return 0;
}
