/*
 * json-write - what struct json makes of any calls, for tests. Reads lines, one
 * call each, and answers each '.' with "STATUS LENGTH\n" and the text; STATUS
 * is 0, or 1 if json_check() refuses it.
 *
 *	{ } [ ]   begin and end objects and arrays
 *	k HEX     a key of these bytes
 *	s HEX     a string of these bytes
 *	i NUMBER  an integer
 *	t f n     true, false, null
 *	p         from here on pretty
 *	.         the end of this text
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "mem.h"

static unsigned
hex_digit(char c)
{
	return (unsigned)(c >= 'a' ? c - 'a' + 10 : c - '0');
}

/* The bytes of a line "k HEX\n", with none behind them; for x_free(). */
static char *
bytes(const char *line, size_t *len)
{
	char *p;
	size_t i;

	*len = (strlen(line) - 3) / 2;
	p = x_malloc(*len == 0 ? 1 : *len);
	for (i = 0; i < *len; i++)
		p[i] = (char)(hex_digit(line[2 + 2 * i]) << 4 |
		    hex_digit(line[3 + 2 * i]));
	return p;
}

static void
call(struct json *j, const char *line)
{
	size_t len;
	char *s;

	switch (line[0]) {
	case '{':
		json_object_begin(j);
		break;
	case '}':
		json_object_end(j);
		break;
	case '[':
		json_array_begin(j);
		break;
	case ']':
		json_array_end(j);
		break;
	case 'k':
	case 's':
		s = bytes(line, &len);
		if (line[0] == 'k')
			json_key_bytes(j, s, len);
		else
			json_string(j, s, len);
		x_free(s);
		break;
	case 'i':
		json_integer(j, strtoll(line + 2, NULL, 10));
		break;
	case 'n':
		json_null(j);
		break;
	case 'p':
		j->pretty = true;
		break;
	default:
		json_boolean(j, line[0] == 't');
		break;
	}
}

int
main(void)
{
	struct buf b = BUF_INIT;
	struct json j = JSON_INIT(&b);
	char *line = NULL;
	size_t size = 0;
	int status;

	while (getline(&line, &size, stdin) > 0) {
		if (line[0] != '.') {
			call(&j, line);
			continue;
		}
		status = json_check(&j, "text", NULL) != 0;
		(void)printf("%d %zu\n", status, b.len);
		(void)fwrite(b.data, 1, b.len, stdout);
		(void)fflush(stdout);
		buf_reset(&b);
		j = (struct json)JSON_INIT(&b);
	}
	free(line);
	buf_free(&b);
	return 0;
}
