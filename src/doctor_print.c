#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "doctor.h"
#include "json.h"
#include "log.h"
#include "utf8.h"

enum { PRINT_OBJECT_MAX = 40 }; /* columns; a wider one pushes its row */

static const char *const states[] = { "ok", "note", "BAD" };
static const char *const names[] = { "ok", "note", "bad" };

static unsigned
shown_width(const char *text)
{
	struct buf shown = BUF_INIT;
	unsigned width;

	log_escape(&shown, text, strlen(text));
	width = utf8_columns(shown.data, shown.len);
	buf_free(&shown);
	return width;
}

static void
print_cell(FILE *to, const char *text, unsigned columns)
{
	struct buf shown = BUF_INIT;
	unsigned width;

	log_escape(&shown, text, strlen(text));
	width = utf8_columns(shown.data, shown.len);
	(void)fputs(shown.data, to);
	for (; width < columns; width++)
		(void)fputc(' ', to);
	(void)fputs("  ", to);
	buf_free(&shown);
}

static void
print_line(FILE *to, const char *text)
{
	struct buf shown = BUF_INIT;

	log_escape(&shown, text, strlen(text));
	buf_addc(&shown, '\n');
	(void)fputs(shown.data, to);
	buf_free(&shown);
}

void
doctor_print(const struct doctor_report *r, bool quiet, FILE *to)
{
	unsigned check = 0, object = 0, width;
	const struct doctor_row *row;
	size_t i, count[3] = { 0, 0, 0 };

	for (i = 0; i < r->n; i++) {
		row = &r->v[i];
		count[row->state]++;
		if (quiet && row->state == DOCTOR_OK)
			continue;
		width = (unsigned)strlen(row->check);
		check = width > check ? width : check;
		width = shown_width(row->object);
		if (width <= PRINT_OBJECT_MAX && width > object)
			object = width;
	}
	for (i = 0; i < r->n; i++) {
		row = &r->v[i];
		if (quiet && row->state == DOCTOR_OK)
			continue;
		print_cell(to, states[row->state], 4);
		print_cell(to, row->check, check);
		print_cell(to, row->object, object);
		print_line(to, row->cause);
		if (row->mend != NULL) {
			(void)fputs("      ", to);
			print_line(to, row->mend);
		}
	}
	if (!quiet || count[DOCTOR_BAD] > 0)
		(void)fprintf(to, "%zu ok, %zu to note, %zu bad%s\n",
		    count[DOCTOR_OK], count[DOCTOR_NOTE], count[DOCTOR_BAD],
		    count[DOCTOR_BAD] + count[DOCTOR_NOTE] == 0
			? ""
			: "; the command below a row mends it");
}

static void
print_field(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_text(j, value);
}

void
doctor_print_json(const struct doctor_report *r, FILE *to)
{
	struct buf out = BUF_INIT;
	struct json j = JSON_INIT(&out);
	const struct doctor_row *row;
	size_t i;

	j.pretty = true;
	json_object_begin(&j);
	print_field(&j, "host", r->host[0] == '\0' ? NULL : r->host);
	json_key(&j, "ok");
	json_boolean(&j, doctor_code(r) == EXIT_OK);
	json_key(&j, "rows");
	json_array_begin(&j);
	for (i = 0; i < r->n; i++) {
		row = &r->v[i];
		json_object_begin(&j);
		print_field(&j, "check", row->check);
		print_field(&j, "state", names[row->state]);
		print_field(&j, "object", row->object);
		print_field(&j, "cause", row->cause);
		print_field(&j, "mend", row->mend);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	buf_addc(&out, '\n');
	(void)fputs(out.data, to);
	buf_free(&out);
}
