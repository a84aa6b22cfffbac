// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ends the virtual machine with an exit code, through QEMU's isa-debug-exit device:
 *
 *     leave CODE
 *
 * QEMU exits with CODE << 1 | 1, so that its own 0, which a panic gives, is never success.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <unistd.h>

#define EXIT_PORT 0xf4

int main(int argc, char **argv)
{
	int code = argc > 1 ? atoi(argv[1]) : 0;

	if (ioperm(EXIT_PORT, 1, 1)) {
		perror("ioperm");
		return 1;
	}
	outb((unsigned char)code, EXIT_PORT);
	pause();
	return 1;
}
