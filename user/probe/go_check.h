/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stack check that most functions of Go begin with:
 *
 *	cmp rsp, [r14+0x10]	or with lea r12, [rsp-N] or mov r12, rsp; sub r12, N; jb before it,
 *	jbe grow		and r12 for rsp
 *	...
 *   grow: (arguments saved) call runtime.morestack...; (arguments loaded); jmp entry
 */
#ifndef LAPSE_GO_CHECK_H
#define LAPSE_GO_CHECK_H

#include "probe/body.h"

/*
 * Finds the jump of the check, in *jump: where it is not taken the call begins for good, with all of
 * its arguments in their registers. False where @body does not begin just so.
 */
bool go_check_find(const struct body *body, struct decoder *decoder, struct insn *jump);

#endif
