/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that are meant by their path and do not run yet. */
#ifndef LAPSE_IMAGINE_H
#define LAPSE_IMAGINE_H

#include "probe/target.h"

/*
 * Into *all (*n_all of them) @processes, shared with the caller, and behind them for every target by a path
 * that none of them is of, one with no more than that file, of pid 0. 0, -ENOENT (no such file) or -EACCES
 * after a message, or -ENOMEM. To be released by imagine_free() if it gave 0.
 */
int imagine_absent(const struct target_selection *selection, const struct process *processes, size_t n,
		   struct process **all, size_t *n_all);
void imagine_free(struct process *all, size_t n_real, size_t n_all);

#endif
