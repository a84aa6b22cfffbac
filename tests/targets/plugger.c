// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plain C program that loads a C++ plug-in when it is told to go, not before; exceptions of
 * the plug-in then pass through a function of its own:
 *
 *     plugger [ROUNDS]
 */
#include "common.h"

#include <dlfcn.h>

/* Built with -fexceptions, as C libraries that call back are. */
PROBED long through(long (*callback)(long), long i)
{
	return callback(i) + 1;
}

typedef long (*run_function)(long (*)(long (*)(long), long), long, long *);

static void *load(void)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 16);
	void *handle;

	if (len < 0)
		exit(2);
	path[len] = '\0';
	strcpy(strrchr(path, '/') + 1, "plugin.so");
	handle = dlopen(path, RTLD_NOW);
	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	return handle;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 300, caught = 0, returned;
	run_function run;

	target_ready();
	run = (run_function)dlsym(load(), "plugin_run");
	if (!run)
		return 2;
	returned = run(through, rounds, &caught);
	target_done("calls=%ld returned=%ld caught=%ld", rounds, returned, caught);
	return 0;
}
