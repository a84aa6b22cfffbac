// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/shares.h"

#include <errno.h>

#include "base/diag.h"
#include "probe/placement.h"
#include "probe/resolver.h"

static void count(const struct placement *placement, struct placement_shares *shares)
{
	if (placement->cls == LAPSE_CLASS_STEPPED)
		shares->stepped++;
	else if (placement->entry_cls == LAPSE_CLASS_STEPPED)
		shares->moved++;
	else
		shares->cheap++;
}

/* -ENOMEM alone ends it: what cannot be decoded is single-stepped. */
static int look_at(const struct object *object, const struct function *function, struct decoder *decoder,
		   struct placement_shares *shares)
{
	struct placement placement = placement_blind(function->addr);
	struct body body;
	int err = body_load(object, function, &body);

	if (!err) {
		err = placement_choose(&body, decoder, false, &placement);
		body_free(&body);
	}
	shares->looked_at++;
	if (err == -ENOMEM)
		return err;
	if (err == -EOPNOTSUPP)
		shares->refused++;
	else
		count(&placement, shares);
	return 0;
}

static int look_through(const struct object *object, struct decoder *decoder, struct placement_shares *shares)
{
	struct matches matches;
	size_t step;
	int err = symbols_match(object, "*", true, &matches);

	if (err)
		return err;
	shares->functions = matches.n;
	step = matches.n / SHARES_LOOKED_MAX + 1;
	for (size_t i = 0; i < matches.n && !err; i += step)
		err = look_at(object, matches.list[i].function, decoder, shares);
	matches_free(&matches);
	return err;
}

static int look_through_all(struct resolver *resolver, const struct view *view,
			    int (*each)(void *context, const struct placement_shares *shares), void *context)
{
	int err = 0;

	for (size_t i = 0; i < view->n_files && !err; i++) {
		struct placement_shares shares = {.object = path_base(view->files[i]->name)};
		const struct object *object = resolver_object(resolver, view->files[i], &err);

		if (!object) {
			err = err == -ENOMEM ? err : 0;
			continue;
		}
		err = look_through(object, resolver->decoder, &shares);
		if (!err && shares.functions)
			err = each(context, &shares);
	}
	return err;
}

int placement_shares(const struct process *process,
		     int (*each)(void *context, const struct placement_shares *shares), void *context)
{
	struct resolver resolver;
	struct view view = {0};
	int err = resolver_init(&resolver);

	if (!err)
		err = resolver_view(&resolver, process, &view);
	if (!err)
		err = look_through_all(&resolver, &view, each, context);
	view_free(&view);
	resolver_free(&resolver);
	if (err == -ENOMEM)
		diag_error("out of memory");
	return err;
}
