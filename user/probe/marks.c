// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/marks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "probe/loader.h"
#include "probe/usdt.h"

/* The provider of lapse.h's marks. */
#define LAPSE_PROVIDER "lapse"

/* One mark on its way into the plan. */
struct marking {
	struct build *build;
	size_t spec;
	const struct probe_spec *place; /* the specification, or one of its ends */
	uint8_t edge;
	size_t found;
	bool named;    /* a program gives its components' names at run time */
	bool provider; /* there are marks of the provider */
};

static int add_pid(struct marking *marking, const struct view *view, size_t file)
{
	if (marking->build->plan->for_all || !view->process->pid)
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

/* Declares the component and the file that the mark @name of @file belongs to. */
static int enter(struct marking *marking, const struct mapped_file *file, const char *name, size_t *component,
		 size_t *number)
{
	struct build *build = marking->build;
	int err = marking->place->glob ? build_marker(build, marking->spec, file->name, name, component)
				       : build_whole(build, marking->spec, file->name, component);

	return err ?: build_file(build->plan, file, number);
}

static int take_usdt(struct marking *marking, const struct view *view, const struct mapped_file *file,
		     const struct usdt_note *note)
{
	struct plan_usdt usdt = {.edge = marking->edge};
	size_t component;
	int err = enter(marking, file, note->name, &component, &usdt.file);

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
	int err = enter(marking, file, note->name, &component, &place.file);

	/* A component more, when none can be added any more. */
	if (err == -ENOENT && marking->place->glob) {
		diag_debug("process %d has a marker '%s' too", view->process->pid, note->name);
		return 0;
	}
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

static bool is_meant(const struct probe_spec *place, const struct usdt_note *note)
{
	return place->glob ? text_glob_match(place->function, note->name)
			   : strcmp(place->function, note->name) == 0;
}

static int take_note(struct marking *marking, const struct view *view, const struct mapped_file *file,
		     const struct object *object, const struct usdt_note *note)
{
	const struct probe_spec *place = marking->place;

	if (place->kind == SPEC_USDT) {
		marking->provider |= strcmp(note->provider, place->object) == 0;
		return strcmp(note->provider, place->object) || !is_meant(place, note)
			       ? 0
			       : take_usdt(marking, view, file, note);
	}
	if (!usdt_is_marker(object, note))
		return 0;
	marking->provider = true;
	if (usdt_is_named_marker(note) && place->glob) {
		marking->named = true;
		return 0;
	}
	if (usdt_is_named_marker(note))
		return take_marker(marking, view, file, note, LAPSE_ROLE_MARKER_NAMED);
	return is_meant(place, note) ? take_marker(marking, view, file, note, LAPSE_ROLE_MARKER) : 0;
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

/* Which components a pattern means has to be known when tracing begins. */
static int missing_for_glob(const struct marking *marking)
{
	const struct probe_spec *place = marking->place;

	const char *hint = "write marker:COMPONENT for each that is meant";
	size_t length = strlen(place->function);

	if (marking->named)
		diag_caret(place->text, place->function_at, length, hint,
			   "no marker in the files matches '%s', and no pattern finds those that the program "
			   "names as it runs",
			   place->function);
	else
		diag_caret(place->text, place->function_at, length, hint,
			   "no file of the process has markers that match '%s'", place->function);
	return -ENOENT;
}

/* Whether the provider's name is another one's, misspelt. */
static bool provider_misspelt(const struct marking *marking, const struct view *view)
{
	struct text_nearest nearest = {.wanted = marking->place->object};

	for (size_t i = 0; i < view->n_files; i++) {
		const struct object *object;
		struct usdt_note *notes;
		size_t n;
		int err;

		object = resolver_object(marking->build->resolver, view->files[i], &err);
		if (!object || usdt_list(object, &notes, &n))
			continue;
		for (size_t j = 0; j < n; j++)
			text_nearest_offer(&nearest, notes[j].provider);
		usdt_free(notes, n);
		if (nearest.best)
			return true;
	}
	return false;
}

/* Whether a library may bring the mark later: there is nothing that it could be taken for. */
static bool may_come(const struct marking *marking, const struct view *views, size_t n_views)
{
	bool loads = false;

	if (marking->provider || marking->place->glob)
		return false;
	for (size_t i = 0; i < n_views; i++) {
		if (marking->place->kind == SPEC_USDT && provider_misspelt(marking, &views[i]))
			return false;
		loads |= loader_may_load(&views[i]);
	}
	return loads;
}

static int await(const struct probe_spec *place)
{
	if (place->kind == SPEC_USDT)
		diag_warn("no library with marks of '%s' has been loaded: %s will be counted when one is",
			  place->object, place->function);
	else
		diag_warn("no library with markers has been loaded: '%s' will be measured when one is",
			  place->function);
	return MARKS_COME_LATER;
}

/* ---- from specifications ------------------------------------------------------------------------- */

static struct marking marking_of(struct build *build, size_t spec, const struct probe_spec *place,
				 uint8_t edge)
{
	return (struct marking){.build = build, .spec = spec, .place = place, .edge = edge};
}

typedef int per_mark(struct marking *marking, const struct view *views, size_t n_views);

static void say_named(const struct marking *marking)
{
	const char *name = marking->place->function;

	if (marking->place->glob)
		diag_note("%s: components that the program names as it runs are not among these; write "
			  "marker:COMPONENT for each",
			  name);
	else
		diag_note(
			"%s: the program names its markers as it runs; whether it has this one is not known",
			name);
}

static int plan_mark(struct marking *marking, const struct view *views, size_t n_views)
{
	int err = 0;

	for (size_t i = 0; i < n_views && !err; i++)
		err = look(marking, &views[i]);
	if (err)
		return err;
	if (marking->named && (marking->found ? marking->place->glob : !marking->place->glob))
		say_named(marking);
	if (marking->found || (marking->named && !marking->place->glob))
		return 0;
	if (may_come(marking, views, n_views))
		return await(marking->place);
	return marking->place->glob ? missing_for_glob(marking) : missing(marking, views, n_views);
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
		     per_mark *handle)
{
	const struct probe_spec *spec = &build->specs[index];
	struct marking marking;
	bool later = false;
	int err = 0;

	if (spec->kind == SPEC_MARKER && strcmp(spec->function, "named") == 0)
		return refuse_named(spec);
	if (spec->kind == SPEC_USDT || spec->kind == SPEC_MARKER) {
		marking = marking_of(build, index, spec, LAPSE_EDGE_COUNT);
		return handle(&marking, views, n_views);
	}
	for (int end = 0; end < LAPSE_ENDS && spec->kind == SPEC_SPAN && err >= 0; end++) {
		if (spec->ends[end].kind != SPEC_USDT)
			continue;
		marking = marking_of(build, index, &spec->ends[end],
				     end == LAPSE_END_END ? LAPSE_EDGE_END : LAPSE_EDGE_START);
		err = handle(&marking, views, n_views);
		later |= err == MARKS_COME_LATER;
	}
	return err < 0 ? err : later ? MARKS_COME_LATER : 0;
}

int marks_plan(struct build *build, size_t spec, const struct view *views, size_t n_views)
{
	return each_mark(build, spec, views, n_views, plan_mark);
}

int marks_extend(struct build *build, size_t spec, const struct view *view)
{
	return each_mark(build, spec, view, 1, extend_mark);
}
