// SPDX-License-Identifier: GPL-2.0-or-later
/* Texts for a reader who takes none for a while: who writes does not wait, and none is cut. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

#include "cli/outbox.h"

#define ROOM	    (256UL * 1024)
#define TEXTS	    20000
#define PATIENCE_MS 200

struct scene {
	int reader;
	FILE *writer;
	struct outbox *box;
};

static void open_scene(struct scene *scene)
{
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	scene->reader = ends[0];
	scene->writer = fdopen(ends[1], "w");
	scene->box = outbox_new(scene->writer, ROOM);
	assert_non_null(scene->box);
}

static void close_scene(struct scene *scene)
{
	outbox_free(scene->box);
	fclose(scene->writer);
	if (scene->reader >= 0)
		close(scene->reader);
}

static void write_numbers(struct scene *scene, int from, int to)
{
	for (int i = from; i < to; i++)
		assert_true(fprintf(outbox_stream(scene->box), "number %d of them, which is a line\n", i) >
			    0);
}

/* The numbers that come, each in a whole line, in order: how many. */
static int read_numbers(struct scene *scene)
{
	FILE *lines = fdopen(dup(scene->reader), "r");
	int n = 0, number, before = -1;
	char line[128], word[16];

	while (fgets(line, sizeof(line), lines) && strcmp(line, "the end\n") != 0) {
		assert_int_equal(sscanf(line, "number %d of them, which is a %15s", &number, word), 2);
		assert_string_equal(word, "line");
		assert_true(number > before);
		before = number;
		n++;
	}
	fclose(lines);
	return n;
}

static void all_comes_to_who_reads(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	write_numbers(&scene, 0, 100);
	fputs("the end\n", outbox_stream(scene.box));
	assert_int_equal(outbox_finish(scene.box, PATIENCE_MS), 0);
	assert_int_equal(read_numbers(&scene), 100);
	assert_int_equal(outbox_dropped(scene.box), 0);
	close_scene(&scene);
}

/* More than the pipe and the box hold; then the end, which is kept. */
static void who_writes_does_not_wait_and_loses_whole_lines(void **state)
{
	struct scene scene;
	uint64_t dropped;

	(void)state;
	open_scene(&scene);
	write_numbers(&scene, 0, TEXTS);
	dropped = outbox_dropped(scene.box);
	assert_true(dropped > 0 && dropped < TEXTS);
	outbox_keep_all(scene.box);
	fputs("the end\n", outbox_stream(scene.box));
	assert_int_equal(read_numbers(&scene) + outbox_dropped(scene.box), TEXTS);
	assert_int_equal(outbox_dropped(scene.box), dropped);
	assert_int_equal(outbox_finish(scene.box, PATIENCE_MS), 0);
	close_scene(&scene);
}

static void a_reader_who_takes_nothing_is_given_up(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	write_numbers(&scene, 0, TEXTS);
	assert_int_equal(outbox_finish(scene.box, PATIENCE_MS), -ETIMEDOUT);
	close_scene(&scene);
}

static void a_reader_who_goes_meanwhile_is_an_error(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	write_numbers(&scene, 0, TEXTS);
	close(scene.reader);
	scene.reader = -1;
	assert_int_equal(outbox_finish(scene.box, PATIENCE_MS), -EPIPE);
	close_scene(&scene);
}

static void a_reader_who_has_gone_is_an_error(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	close(scene.reader);
	scene.reader = -1;
	for (int i = 0; i < 2; i++) {
		errno = 0;
		assert_true(fputs("a line\n", outbox_stream(scene.box)) == EOF);
		assert_int_equal(errno, EPIPE);
	}
	assert_int_equal(outbox_finish(scene.box, PATIENCE_MS), -EPIPE);
	close_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_comes_to_who_reads),
		cmocka_unit_test(who_writes_does_not_wait_and_loses_whole_lines),
		cmocka_unit_test(a_reader_who_takes_nothing_is_given_up),
		cmocka_unit_test(a_reader_who_goes_meanwhile_is_an_error),
		cmocka_unit_test(a_reader_who_has_gone_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
