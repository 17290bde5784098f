/* A schema that is taken is taken again, as it is; no answer, whatever bytes it
 * has, does harm, and what is refused is refused by one line. Input: a schema,
 * a newline, an answer. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check(const char *schema, const char *text, size_t len)
{
	struct err e;

	err_clear(&e);
	if (schema_check(schema, text, len, &e) != 0)
		must(
		    e.code == EXIT_USAGE && strncmp(e.msg, "answer: ", 8) == 0);
	/* Every answer is one where nothing is asked, or is no object. */
	else
		must(schema_check("{}", text, len, NULL) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data, *end = memchr(p, '\n', len);
	size_t first = end == NULL ? len : (size_t)(end - p);
	struct buf schema = BUF_INIT, again = BUF_INIT;
	struct err e;

	err_clear(&e);
	if (schema_read(&schema, "s", p, first, &e) != 0) {
		must(e.code == EXIT_USAGE && schema.len == 0);
		check("{\"a\":{\"b\":\"integer?\"}}", p, len);
		goto out;
	}
	must(schema.len <= SCHEMA_MAX && strlen(schema.data) == schema.len);
	must(schema_read(&again, "s", schema.data, schema.len, &e) == 0);
	must(again.len == schema.len &&
	    memcmp(again.data, schema.data, schema.len) == 0);
	if (end != NULL)
		check(schema.data, end + 1, len - first - 1);
out:
	buf_free(&schema);
	buf_free(&again);
	return 0;
}
