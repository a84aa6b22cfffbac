// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pipeline against the model: random contracts, random streams of events, and after each tick every
 * verdict, count, measure and announcement of both side by side. A failure names the seed of its stream;
 * MODEL_SEED=N runs that one alone, MODEL_STREAMS=N sets how many there are.
 */
#include "world.h"

/* ---- side by side ----------------------------------------------------------------------------------------
 */

/* That of all together stands behind the last. */
static const struct model_component *model_of(const struct world *w, size_t i)
{
	return i < w->n ? w->actor[i].model : &w->model.system;
}

static void disagree(const struct world *w, const char *what, size_t component, size_t objective, double rig,
		     double model)
{
	const struct objective *o = &model_of(w, component)->objective[objective].objective;

	const struct window_spec *window = &model_of(w, component)->window;

	print_error("window of %u spans or %g s, at most %g s; for %g s, over %g s, from %llu samples on\n",
		    window->last, (double)window->duration_ns / 1e9, (double)window->max_ns / 1e9,
		    (double)o->for_ns / 1e9, (double)o->over_ns / 1e9, (unsigned long long)o->min_samples);
	fail_msg(
		"seed %llu, tick %u, component %zu, objective %zu (%s %g): %s is %.17g, the model says %.17g",
		(unsigned long long)w->seed, w->tick, component, objective, objective_info(o->kind)->key,
		o->limit, what, rig, model);
}

static bool same(double a, double b)
{
	return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * fabs(b);
}

static void compare_objective(const struct world *w, const struct objective_state *s, size_t i, size_t k)
{
	const struct model_objective *o = &model_of(w, i)->objective[k];
	enum verdict verdict = model_verdict(model_of(w, i), k);

	if (s->violations != o->violations)
		disagree(w, "the number of violations", i, k, (double)s->violations, (double)o->violations);
	if (s->verdict != verdict)
		disagree(w, "the verdict", i, k, s->verdict, verdict);
	if (!isnan(o->measured) && !same(s->measured, o->measured))
		disagree(w, "the measure", i, k, s->measured, o->measured);
}

static void compare_component(struct world *w, const struct component_snapshot *s, size_t i)
{
	double health = model_health(w->actor[i].model);

	for (size_t k = 0; k < s->n_objectives; k++)
		compare_objective(w, &s->objectives[k], i, k);
	if (!same(s->health, health))
		fail_msg("seed %llu, tick %u, component %zu: the health is %.17g, the model says %.17g",
			 (unsigned long long)w->seed, w->tick, i, s->health, health);
}

/* The next announcement of @type about @component in @text, from *@at on; NULL: none. */
static const char *next_alert(const char *text, uint32_t component, const char *type, size_t *at)
{
	while (text[*at]) {
		const char *line = text + *at;
		unsigned of, event, kind;

		*at += strcspn(line, "\n") + 1;
		if (sscanf(line, "alert %u %u %u", &event, &of, &kind) == 3 && of == component &&
		    strcmp(objective_info((enum objective_kind)kind)->violation, type) == 0)
			return line;
	}
	return NULL;
}

/* Word by word, up to the end of the model's line; a question mark stands for anything. */
static bool alike(const char *rig, const char *model)
{
	while (*model && *model != '\n') {
		size_t a = strcspn(rig, " \n"), b = strcspn(model, " \n");

		if (!(b == 1 && *model == '?') && (a != b || memcmp(rig, model, a) != 0))
			return false;
		rig += a + (rig[a] == ' ');
		model += b + (model[b] == ' ');
	}
	return true;
}

static void compare_alerts(struct world *w, uint32_t component, const char *type)
{
	size_t a = w->rig_told, b = w->told;

	for (;;) {
		const char *rig = next_alert(w->rig.text, component, type, &a);
		const char *model = next_alert(w->text, component, type, &b);

		if (!rig && !model)
			return;
		if (!rig || !model || !alike(rig, model))
			fail_msg("seed %llu, tick %u, component %u: the monitor tells %.*s, the model %.*s",
				 (unsigned long long)w->seed, w->tick, component,
				 rig ? (int)strcspn(rig, "\n") : 7, rig ? rig : "nothing",
				 model ? (int)strcspn(model, "\n") : 7, model ? model : "nothing");
	}
}

static void compare(struct world *w)
{
	const struct snapshot *s = rig_snapshot(&w->rig);
	const struct component_snapshot *all = &s->components[w->n];

	fflush(w->rig.out);
	fflush(w->out);
	for (size_t i = 0; i < w->n; i++)
		compare_component(w, &s->components[i], i);
	compare_objective(w, &all->objectives[0], w->n, 0);
	for (size_t i = 0; i <= w->n; i++)
		for (int kind = 0; kind < OBJ_KINDS; kind++)
			compare_alerts(w, (uint32_t)i, objective_info((enum objective_kind)kind)->violation);
	if (w->rig.n_health != w->model.n_health)
		fail_msg("seed %llu, tick %u: %zu health lines, the model says %llu",
			 (unsigned long long)w->seed, w->tick, w->rig.n_health,
			 (unsigned long long)w->model.n_health);
	w->rig_told = w->rig.length;
	w->told = w->length;
}

static void run(uint64_t seed)
{
	static struct world w;
	uint64_t ticks;

	world_begin(&w, seed);
	for (ticks = 30 + chance(200); ticks; ticks--) {
		world_step(&w);
		compare(&w);
	}
	world_end(&w);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void streams(void **state)
{
	uint64_t seed = from_environment("MODEL_SEED", 0), n = from_environment("MODEL_STREAMS", 1000);

	(void)state;
	if (seed) {
		run(seed);
		return;
	}
	for (seed = 1; seed <= n; seed++)
		run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
