// SPDX-License-Identifier: GPL-2.0-or-later
/* Contract files as files: who may write them, and those that cannot be read. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/config.h"

/* Reads a file of @text with @mode; *said gets the messages. */
static int read_file(const char *text, mode_t mode, char **said)
{
	char path[] = "/tmp/lapse-config-XXXXXX";
	int fd = mkstemp(path), err;
	struct config config;
	size_t length;
	FILE *stream = open_memstream(said, &length);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	diag_set_stream(stream);
	err = config_read(path, &config);
	diag_set_stream(NULL);
	fclose(stream);
	unlink(path);
	config_free(&config);
	return err;
}

static void permissions(void **state)
{
	char *said;

	(void)state;
	assert_int_equal(read_file(HANDLERS, 0664, &said), -EPERM);
	assert_non_null(strstr(said, "chmod go-w /tmp/lapse-config-"));
	free(said);
	assert_int_equal(read_file(HANDLERS, 0646, &said), -EPERM);
	free(said);
	assert_int_equal(read_file(HANDLERS, 0644, &said), 0);
	free(said);
	assert_int_equal(read_file(FLOW, 0666, &said), 0);
	assert_string_equal(said, "");
	free(said);
}

static void unreadable(void **state)
{
	struct config config;
	char *said;
	size_t length;
	FILE *stream = open_memstream(&said, &length);

	(void)state;
	diag_set_stream(stream);
	assert_int_equal(config_read("/nonexistent/x.yaml", &config), -ENOENT);
	assert_int_equal(config_read("/", &config), -EISDIR);
	diag_set_stream(NULL);
	fclose(stream);
	assert_string_equal(
		said, "lapse: /nonexistent/x.yaml: No such file or directory\nlapse: /: Is a directory\n");
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permissions),
		cmocka_unit_test(unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
