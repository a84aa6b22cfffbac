// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/marks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "probe/usdt.h"

/* The provider of lapse.h's marks. */
#define LAPSE_PROVIDER "lapse"

/* One mark on its way into the plan. */
struct marking {
	struct build *build;
	size_t spec;
	const struct probe_spec *place; /* the specification, or one of its ends */
	uint8_t edge;
	bool for_all;
	size_t found;
	bool named; /* a program gives its components' names at run time */
};

static int add_pid(struct marking *marking, const struct view *view, size_t file)
{
	if (marking->for_all || !view->process->pid)
		return 0;
	return build_add_pid(&marking->build->plan->files[file], view->process->pid);
}

static bool known_usdt(const struct plan *plan, const struct plan_usdt *usdt)
{
	for (size_t i = 0; i < plan->n_usdts; i++)
		if (plan->usdts[i].file == usdt->file && plan->usdts[i].component == usdt->component &&
		    plan->usdts[i].edge == usdt->edge)
			return true;
	return false;
}

static int add_usdt(struct plan *plan, const struct plan_usdt *usdt, const struct usdt_note *note)
{
	struct plan_usdt *grown;

	if (known_usdt(plan, usdt))
		return 0;
	grown = reallocarray(plan->usdts, plan->n_usdts + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	plan->usdts = grown;
	grown[plan->n_usdts] = *usdt;
	grown[plan->n_usdts].provider = strdup(note->provider);
	grown[plan->n_usdts].name = strdup(note->name);
	plan->n_usdts++;
	return grown[plan->n_usdts - 1].provider && grown[plan->n_usdts - 1].name ? 0 : -ENOMEM;
}

/* Declares the component and the file that a mark of @file belongs to. */
static int enter(struct marking *marking, const struct mapped_file *file, size_t *component, size_t *number)
{
	int err = build_whole(marking->build, marking->spec, file->name, component);

	return err ?: build_file(marking->build->plan, file, number);
}

static int take_usdt(struct marking *marking, const struct view *view, const struct mapped_file *file,
		     const struct usdt_note *note)
{
	struct plan_usdt usdt = {.edge = marking->edge};
	size_t component;
	int err = enter(marking, file, &component, &usdt.file);

	if (err)
		return err;
	usdt.component = component;
	marking->found++;
	err = add_usdt(marking->build->plan, &usdt, note);
	return err ?: add_pid(marking, view, usdt.file);
}

static int take_marker(struct marking *marking, const struct view *view, const struct mapped_file *file,
		       const struct usdt_note *note, enum lapse_role role)
{
	struct place place = {
		.offset = note->offset,
		.entry = note->offset,
		.semaphore = note->semaphore,
		.role = role,
		.cls = LAPSE_CLASS_NOP5,
		.args_intact = true,
	};
	size_t component;
	int err = enter(marking, file, &component, &place.file);

	if (err)
		return err;
	place.component = component;
	if (role == LAPSE_ROLE_MARKER_NAMED)
		marking->named = true;
	else
		marking->found++;
	err = build_place(marking->build, &place);
	return err ?: add_pid(marking, view, place.file);
}

static int take_note(struct marking *marking, const struct view *view, const struct mapped_file *file,
		     const struct object *object, const struct usdt_note *note)
{
	const struct probe_spec *place = marking->place;

	if (place->kind == SPEC_USDT)
		return strcmp(note->provider, place->object) || strcmp(note->name, place->function)
			       ? 0
			       : take_usdt(marking, view, file, note);
	if (!usdt_is_marker(object, note))
		return 0;
	if (usdt_is_named_marker(note))
		return take_marker(marking, view, file, note, LAPSE_ROLE_MARKER_NAMED);
	return strcmp(note->name, place->function)
		       ? 0
		       : take_marker(marking, view, file, note, LAPSE_ROLE_MARKER);
}

static int look_in(struct marking *marking, const struct view *view, const struct mapped_file *file)
{
	int err;
	const struct object *object = resolver_object(marking->build->resolver, file, &err);
	struct usdt_note *notes;
	size_t n;

	if (!object)
		return err == -ENOMEM ? err : 0;
	err = usdt_list(object, &notes, &n);
	if (err)
		return err == -ENOMEM ? err : 0;
	for (size_t i = 0; i < n && !err; i++)
		err = take_note(marking, view, file, object, &notes[i]);
	usdt_free(notes, n);
	return err;
}

static int look(struct marking *marking, const struct view *view)
{
	int err = 0;

	for (size_t i = 0; i < view->n_files && !err; i++)
		err = look_in(marking, view, view->files[i]);
	return err;
}

/* ---- what is not there ------------------------------------------------------------------------- */

/* Offers the marks of @view's files; the hint is of the nearest so far. */
static void offer(const struct marking *marking, const struct view *view, struct text_nearest *nearest,
		  char hint[128])
{
	const char *provider = marking->place->kind == SPEC_MARKER ? LAPSE_PROVIDER : NULL;

	for (size_t i = 0; i < view->n_files; i++) {
		size_t before = nearest->best ? nearest->distance : SIZE_MAX, n;
		struct usdt_note *notes;
		const struct object *object;
		int err;

		object = resolver_object(marking->build->resolver, view->files[i], &err);
		if (!object || usdt_list(object, &notes, &n))
			continue;
		usdt_nearest(notes, n, provider, nearest);
		if (nearest->best && nearest->distance < before)
			snprintf(hint, 128, "nearest is '%s' in %s", nearest->best,
				 path_base(view->files[i]->name));
		/* The distance is all that is needed of it. */
		if (nearest->best)
			nearest->best = "";
		usdt_free(notes, n);
	}
}

static int missing(const struct marking *marking, const struct view *views, size_t n_views)
{
	const struct probe_spec *place = marking->place;
	struct text_nearest nearest = {.wanted = place->function};
	char hint[128] = "lapse list shows what there is";

	for (size_t i = 0; i < n_views; i++)
		offer(marking, &views[i], &nearest, hint);
	if (place->kind == SPEC_USDT)
		diag_caret(place->text, place->function_at, strlen(place->function), hint,
			   "no file of the process has a mark '%s:%s'", place->object, place->function);
	else
		diag_caret(place->text, place->function_at, strlen(place->function), hint,
			   "no file of the process has a marker '%s'", place->function);
	return -ENOENT;
}

/* ---- from specifications ------------------------------------------------------------------------- */

static struct marking marking_of(struct build *build, size_t spec, const struct probe_spec *place,
				 uint8_t edge, bool for_all)
{
	return (struct marking){
		.build = build, .spec = spec, .place = place, .edge = edge, .for_all = for_all};
}

typedef int per_mark(struct marking *marking, const struct view *views, size_t n_views);

static int plan_mark(struct marking *marking, const struct view *views, size_t n_views)
{
	int err = 0;

	for (size_t i = 0; i < n_views && !err; i++)
		err = look(marking, &views[i]);
	if (err || marking->found)
		return err;
	if (marking->named) {
		diag_note(
			"%s: the program names its markers as it runs; whether it has this one is not known",
			marking->place->function);
		return 0;
	}
	return missing(marking, views, n_views);
}

static int extend_mark(struct marking *marking, const struct view *views, size_t n_views)
{
	int err = 0;

	for (size_t i = 0; i < n_views && !err; i++)
		err = look(marking, &views[i]);
	return err == -ENOENT ? 0 : err;
}

/* lapse.h's function for names is called "named": no component can be. */
static int refuse_named(const struct probe_spec *spec)
{
	diag_caret(spec->text, spec->function_at, strlen(spec->function), "write marker:COMPONENT",
		   "'named' is the marker of all components that are named at run time");
	return -ENOENT;
}

/* Every mark of the @index-th specification. */
static int each_mark(struct build *build, size_t index, const struct view *views, size_t n_views,
		     bool for_all, per_mark *handle)
{
	const struct probe_spec *spec = &build->specs[index];
	struct marking marking;
	int err = 0;

	if (spec->kind == SPEC_MARKER && strcmp(spec->function, "named") == 0)
		return refuse_named(spec);
	if (spec->kind == SPEC_USDT || spec->kind == SPEC_MARKER) {
		marking = marking_of(build, index, spec, LAPSE_EDGE_COUNT, for_all);
		return handle(&marking, views, n_views);
	}
	for (int end = 0; end < LAPSE_ENDS && spec->kind == SPEC_SPAN && !err; end++) {
		if (spec->ends[end].kind != SPEC_USDT)
			continue;
		marking = marking_of(build, index, &spec->ends[end],
				     end == LAPSE_END_END ? LAPSE_EDGE_END : LAPSE_EDGE_START, for_all);
		err = handle(&marking, views, n_views);
	}
	return err;
}

int marks_plan(struct build *build, size_t spec, const struct view *views, size_t n_views, bool for_all)
{
	return each_mark(build, spec, views, n_views, for_all, plan_mark);
}

int marks_extend(struct build *build, size_t spec, const struct view *view, bool for_all)
{
	return each_mark(build, spec, view, 1, for_all, extend_mark);
}
