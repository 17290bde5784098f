/*
 * toml-json - what toml_parse() makes of a document, for tests.
 *
 *	toml-json <FILE     print it as toml-test's tagged JSON
 *	toml-json -w <FILE  print it as toml_write() does
 *	toml-json -b        many at once: reads "LENGTH\n" and the document,
 *writes "STATUS JSON-LENGTH TOML-LENGTH\n", the JSON (the error if there is
 *one), the TOML; until the end of the input
 *
 * Status: 0, 1 for an invalid document, 3 for what is unsupported, 9 for a
 * failure of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "json.h"
#include "toml.h"

enum { INVALID = 1, UNSUPPORTED = 3, OUT_MAX = 512 * 1024 * 1024 };

static void tagged(struct json *j, const struct toml *t);

static void
table(struct json *j, const struct toml *t)
{
	const char *key;
	size_t i, len;

	json_object_begin(j);
	for (i = 0; (key = toml_key(t, i, &len)) != NULL; i++) {
		json_key_bytes(j, key, len);
		tagged(j, toml_at(t, i, NULL));
	}
	json_object_end(j);
}

static void
scalar(struct json *j, const char *type, const char *value, size_t len)
{
	json_object_begin(j);
	json_key(j, "type");
	json_text(j, type);
	json_key(j, "value");
	json_string(j, value, len);
	json_object_end(j);
}

static void
tagged(struct json *j, const struct toml *t)
{
	char number[32];
	const char *s;
	size_t i, len;

	switch (toml_type(t)) {
	case TOML_STRING:
		s = toml_bytes(t, &len);
		scalar(j, "string", s, len);
		break;
	case TOML_INTEGER:
		(void)snprintf(
		    number, sizeof(number), "%" PRId64, toml_integer(t, 0));
		scalar(j, "integer", number, strlen(number));
		break;
	case TOML_BOOLEAN:
		s = toml_boolean(t, false) ? "true" : "false";
		scalar(j, "bool", s, strlen(s));
		break;
	case TOML_ARRAY:
		json_array_begin(j);
		for (i = 0; i < toml_count(t); i++)
			tagged(j, toml_at(t, i, NULL));
		json_array_end(j);
		break;
	case TOML_TABLE:
		table(j, t);
		break;
	}
}

/* Parse, and fill both outputs. Returns the status. */
static int
convert(const char *text, size_t len, struct buf *json, struct buf *toml)
{
	struct json j = JSON_INIT(json);
	struct toml *t;
	struct err e;

	buf_reset(json);
	buf_reset(toml);
	t = toml_parse("stdin", text, len, &e);
	if (t == NULL) {
		buf_adds(json, e.msg);
		return strstr(e.msg, ": unsupported: ") != NULL ? UNSUPPORTED
								: INVALID;
	}
	tagged(&j, t);
	toml_write(toml, t);
	toml_free(t);
	if (json_check(&j, "json", &e) != 0 ||
	    buf_check(toml, "toml", &e) != 0) {
		buf_reset(json);
		buf_adds(json, e.msg);
		return EXIT_LOCAL;
	}
	return 0;
}

static int
batch(struct buf *json, struct buf *toml)
{
	char line[32], *text;
	unsigned long len;
	int status;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		len = strtoul(line, NULL, 10);
		text = malloc(len + 1);
		if (text == NULL || fread(text, 1, len, stdin) != len) {
			free(text);
			return EXIT_LOCAL;
		}
		/* exactly as long as the text, for AddressSanitizer */
		text = realloc(text, len == 0 ? 1 : len);
		status = convert(text, len, json, toml);
		free(text);
		(void)printf("%d %zu %zu\n", status, json->len, toml->len);
		(void)fwrite(json->data, 1, json->len, stdout);
		(void)fwrite(toml->data, 1, toml->len, stdout);
		(void)fflush(stdout);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct buf in = BUF_INIT_MAX(TOML_SIZE_MAX + 1);
	struct buf json = BUF_INIT_MAX(OUT_MAX), toml = BUF_INIT_MAX(OUT_MAX);
	const char *option = argc > 1 ? argv[1] : "";
	int status;

	if (strcmp(option, "-b") == 0) {
		status = batch(&json, &toml);
	} else {
		while (buf_read_fd(&in, STDIN_FILENO, 65536) > 0)
			;
		status = convert(in.data, in.len, &json, &toml);
		if (status != 0)
			(void)fprintf(stderr, "%s\n", json.data);
		else if (strcmp(option, "-w") == 0)
			(void)fwrite(toml.data, 1, toml.len, stdout);
		else
			(void)printf("%s\n", json.data);
	}
	buf_free(&in);
	buf_free(&json);
	buf_free(&toml);
	return status;
}
