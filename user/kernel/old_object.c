// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/old_object.h"

#include "bpf/first_event.h"
#include "bpf/frame.h"
#include "lapse_old.skel.h"

const void *old_object(size_t *size)
{
	return lapse_old_bpf__elf_bytes(size);
}
