#include "tmux_field.h"

#include <string.h>

#include "buf.h"
#include "mem.h"
#include "str.h"
#include "tmux.h"
#include "utf8.h"

int
tmux_field_copy(char *out, size_t size, const char *field)
{
	size_t len = strlen(field);

	if (len >= size)
		return -1;
	memcpy(out, field, len + 1);
	return 0;
}

int
tmux_field_id(char out[PANE_ID_MAX], const char *field, char mark)
{
	if (!str_id_ok(field, mark))
		return -1;
	return tmux_field_copy(out, PANE_ID_MAX, field);
}

int
tmux_field_int(const char *field, int64_t *out)
{
	uint64_t n;

	if (str_number(field, INT64_MAX, &n) != 0)
		return -1;
	*out = (int64_t)n;
	return 0;
}

int
tmux_field_unsigned(const char *field, unsigned *out)
{
	uint64_t n;

	if (str_number(field, UINT32_MAX, &n) != 0)
		return -1;
	*out = (unsigned)n;
	return 0;
}

bool
tmux_field_flag(const char *field)
{
	return field[0] != '\0' && !str_eq(field, "0") && !str_eq(field, "off");
}

char *
tmux_field_text(const char *field)
{
	char *copy = x_strdup(field);
	size_t len = strlen(copy), at = 0, n;
	uint32_t ch;

	while (at < len) {
		n = utf8_decode(copy + at, len - at, &ch);
		if (n == 0)
			copy[at++] = '?';
		at += n;
	}
	return copy;
}

char *
tmux_field_format(const char *const *names, size_t n)
{
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < n; i++)
		buf_addf(&b, "#{%s}%s", names[i], tmux_mark());
	return buf_steal(&b);
}
