#include "profile.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "mem.h"
#include "str.h"
#include "toml.h"

/* What may not stand where a tmux format could see it. */
#define FORMAT_BYTES "#{},'"

enum { INLINE_BYTES_MAX = 1024 * 1024, PASTE_MS_MAX = 10000 };

static const char *const kind_names[] = {
	[PROFILE_AGENT] = "agent",
	[PROFILE_SHELL] = "shell",
	[PROFILE_REPL] = "repl",
	[PROFILE_REMOTE] = "remote",
	[PROFILE_MODAL] = "modal",
	[PROFILE_LINES] = "lines",
	NULL,
};
static const char *const frame_names[] = { "none", "rule", "bar", NULL };
static const char *const busy_names[] = { "loses", "queues", "takes", NULL };
static const char *const answer_names[] = { "unknown", "no", "yes", NULL };
static const char *const cursor_names[] = { "terminal", "drawn", NULL };

enum field_type {
	FIELD_STRING,
	FIELD_CHOICE, /* an enum, by `names` */
	FIELD_CURSOR, /* a bool, by `names` */
	FIELD_BOOL,
	FIELD_INT,
	FIELD_UNSIGNED,
	FIELD_SIZE,
	FIELD_WORDS, /* patterns for us alone */
	FIELD_GUARD, /* patterns that may get into a tmux format */
	FIELD_GHOST,
};

struct field {
	const char *table; /* "" for the top */
	const char *key;
	enum field_type type;
	size_t offset;
	int64_t min, max;
	const char *const *names;
};

#define AT(member) offsetof(struct profile, member)

static const struct field fields[] = {
	{ "", "label", FIELD_STRING, AT(label), 0, 64, NULL },
	{ "", "kind", FIELD_CHOICE, AT(kind), 0, 0, kind_names },
	{ "recognise", "commands", FIELD_WORDS, AT(commands), 0, 0, NULL },
	{ "recognise", "scripts", FIELD_WORDS, AT(scripts), 0, 0, NULL },
	{ "recognise", "titles", FIELD_WORDS, AT(titles), 0, 0, NULL },
	{ "recognise", "screens", FIELD_WORDS, AT(screens), 0, 0, NULL },
	{ "composer", "frame", FIELD_CHOICE, AT(frame), 0, 0, frame_names },
	{ "composer", "glyphs", FIELD_GUARD, AT(glyphs), 0, 0, NULL },
	{ "composer", "shell_glyphs", FIELD_GUARD, AT(shell_glyphs), 0, 0,
	    NULL },
	{ "composer", "indent", FIELD_INT, AT(indent), -1, 100, NULL },
	{ "composer", "column", FIELD_UNSIGNED, AT(column), 0, 20, NULL },
	{ "composer", "status_rows", FIELD_UNSIGNED, AT(status_rows), 0, 40,
	    NULL },
	{ "composer", "cursor", FIELD_CURSOR, AT(cursor_drawn), 0, 0,
	    cursor_names },
	{ "composer", "ghost", FIELD_GHOST, 0, 0, 0, NULL },
	{ "composer", "placeholders", FIELD_GUARD, AT(placeholders), 0, 0,
	    NULL },
	{ "composer", "suggestions", FIELD_BOOL, AT(suggests), 0, 0, NULL },
	{ "composer", "fields_alike", FIELD_BOOL, AT(fields_alike), 0, 0,
	    NULL },
	{ "composer", "collapsed", FIELD_WORDS, AT(collapsed), 0, 0, NULL },
	{ "composer", "idle_words", FIELD_WORDS, AT(idle_words), 0, 0, NULL },
	{ "busy", "titles", FIELD_WORDS, AT(busy_titles), 0, 0, NULL },
	{ "busy", "words", FIELD_WORDS, AT(busy_words), 0, 0, NULL },
	{ "busy", "needs_title", FIELD_BOOL, AT(busy_needs_title), 0, 0, NULL },
	{ "busy", "does", FIELD_CHOICE, AT(busy), 0, 0, busy_names },
	{ "busy", "enter_interrupts", FIELD_BOOL, AT(enter_interrupts), 0, 0,
	    NULL },
	{ "modal", "titles", FIELD_WORDS, AT(modal_titles), 0, 0, NULL },
	{ "modal", "words", FIELD_WORDS, AT(modal_words), 0, 0, NULL },
	{ "modal", "hidden_cursor", FIELD_BOOL, AT(modal_cursor), 0, 0, NULL },
	{ "prompt", "prompts", FIELD_WORDS, AT(prompts), 0, 0, NULL },
	{ "prompt", "ends", FIELD_WORDS, AT(prompt_ends), 0, 0, NULL },
	{ "prompt", "heads", FIELD_WORDS, AT(prompt_heads), 0, 0, NULL },
	{ "prompt", "continuation", FIELD_WORDS, AT(continuation), 0, 0, NULL },
	{ "prompt", "command_rows", FIELD_WORDS, AT(command_rows), 0, 0, NULL },
	{ "prompt", "edited_blanks", FIELD_BOOL, AT(edited_blanks), 0, 0,
	    NULL },
	{ "prompt", "none", FIELD_BOOL, AT(no_prompt), 0, 0, NULL },
	{ "prompt", "cooked", FIELD_BOOL, AT(cooked), 0, 0, NULL },
	{ "deliver", "paste", FIELD_CHOICE, AT(paste), 0, 0, answer_names },
	{ "deliver", "paste_ms", FIELD_UNSIGNED, AT(paste_ms), 0, PASTE_MS_MAX,
	    NULL },
	{ "deliver", "settle_ms", FIELD_UNSIGNED, AT(settle_ms), 0,
	    PASTE_MS_MAX, NULL },
	{ "deliver", "command_chars", FIELD_STRING, AT(command_chars), 0, 64,
	    NULL },
	{ "deliver", "completion_chars", FIELD_STRING, AT(completion_chars), 0,
	    64, NULL },
	{ "deliver", "inline_bytes", FIELD_SIZE, AT(inline_bytes), 0,
	    INLINE_BYTES_MAX, NULL },
	{ "deliver", "inline_lines", FIELD_SIZE, AT(inline_lines), 0, 10000,
	    NULL },
};

static const char *const tables[] = { "recognise", "composer", "busy", "modal",
	"prompt", "deliver", NULL };

static bool
in_list(const char *const *list, const char *word)
{
	for (; *list != NULL; list++) {
		if (str_glob(*list, word))
			return true;
	}
	return false;
}

const char *
profile_kind_name(enum profile_kind kind)
{
	return kind_names[kind];
}

/* Errors of a value name its line. */
static int
bad(const char *origin, const struct toml *t, const char *key,
    const char *reason, struct err *e)
{
	return err_set(
	    e, EXIT_LOCAL, "%s:%u: %s: %s", origin, toml_line(t), key, reason);
}

static int
read_words(const struct field *f, const char *origin, const struct toml *t,
    struct argv *out, struct err *e)
{
	const struct toml *item;
	const char *word;
	size_t i;

	if (toml_type(t) != TOML_ARRAY)
		return bad(origin, t, f->key, "must be a list of strings", e);
	if (toml_count(t) > PROFILE_WORDS_MAX)
		return bad(origin, t, f->key, "too many patterns", e);
	for (i = 0; i < toml_count(t); i++) {
		item = toml_at(t, i, NULL);
		word = toml_string(item, NULL);
		if (word == NULL)
			return bad(
			    origin, item, f->key, "must hold strings only", e);
		if (word[0] == '\0' || strlen(word) > PROFILE_WORD_MAX)
			return bad(origin, item, f->key,
			    "a pattern is empty or too long", e);
		if (f->type == FIELD_GUARD &&
		    strpbrk(word, FORMAT_BYTES) != NULL)
			return bad(origin, item, f->key,
			    "none of # { } , ' may stand in it, for it goes "
			    "into a tmux format",
			    e);
		argv_add(out, word);
	}
	return 0;
}

static int
read_ghost(const struct field *f, const char *origin, const struct toml *t,
    struct profile *p, struct err *e)
{
	const char *word;
	size_t i;

	if (toml_type(t) != TOML_ARRAY)
		return bad(origin, t, f->key, "must be a list", e);
	p->ghost_dim = p->ghost_grey = false;
	for (i = 0; i < toml_count(t); i++) {
		word = toml_string(toml_at(t, i, NULL), "");
		if (str_eq(word, "dim"))
			p->ghost_dim = true;
		else if (str_eq(word, "grey"))
			p->ghost_grey = true;
		else
			return bad(origin, t, f->key,
			    "must be \"dim\" or \"grey\"", e);
	}
	return 0;
}

static int
read_choice(const struct field *f, const char *origin, const struct toml *t,
    int *out, struct err *e)
{
	const char *word = toml_string(t, "");
	char known[128] = "";
	size_t len = 0;
	int i;

	for (i = 0; f->names[i] != NULL; i++) {
		if (str_eq(f->names[i], word)) {
			*out = i;
			return 0;
		}
		len += (size_t)snprintf(known + len, sizeof(known) - len,
		    "%s%s", i == 0 ? "" : ", ", f->names[i]);
	}
	return err_set(e, EXIT_LOCAL, "%s:%u: %s: must be one of %s", origin,
	    toml_line(t), f->key, known);
}

static int
read_number(const struct field *f, const char *origin, const struct toml *t,
    int64_t *out, struct err *e)
{
	*out = toml_integer(t, INT64_MIN);
	if (*out < f->min || *out > f->max)
		return err_set(e, EXIT_LOCAL,
		    "%s:%u: %s: must be a number from %lld to %lld", origin,
		    toml_line(t), f->key, (long long)f->min, (long long)f->max);
	return 0;
}

static int
read_string(const struct field *f, const char *origin, const struct toml *t,
    char **out, struct err *e)
{
	const char *word = toml_string(t, NULL);

	if (word == NULL || strlen(word) > (size_t)f->max)
		return bad(origin, t, f->key, "must be a short string", e);
	x_free(*out);
	*out = x_strdup(word);
	return 0;
}

static int
read_field(const struct field *f, const char *origin, const struct toml *t,
    struct profile *p, struct err *e)
{
	void *at = (char *)p + f->offset;
	int64_t number = 0;
	int choice = 0;

	switch (f->type) {
	case FIELD_STRING:
		return read_string(f, origin, t, at, e);
	case FIELD_WORDS:
	case FIELD_GUARD:
		return read_words(f, origin, t, at, e);
	case FIELD_GHOST:
		return read_ghost(f, origin, t, p, e);
	case FIELD_BOOL:
		if (toml_type(t) != TOML_BOOLEAN)
			return bad(
			    origin, t, f->key, "must be true or false", e);
		*(bool *)at = toml_boolean(t, false);
		return 0;
	case FIELD_CHOICE:
	case FIELD_CURSOR:
		if (read_choice(f, origin, t, &choice, e) != 0)
			return -1;
		/* The enums of struct profile are as wide as an int. */
		if (f->type == FIELD_CHOICE)
			memcpy(at, &choice, sizeof(choice));
		else
			*(bool *)at = choice != 0;
		return 0;
	default:
		if (read_number(f, origin, t, &number, e) != 0)
			return -1;
		if (f->type == FIELD_INT)
			*(int *)at = (int)number;
		else if (f->type == FIELD_UNSIGNED)
			*(unsigned *)at = (unsigned)number;
		else
			*(size_t *)at = (size_t)number;
		return 0;
	}
}

_Static_assert(sizeof(enum profile_kind) == sizeof(int), "read_field");

static const struct field *
find_field(const char *table, const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (str_eq(fields[i].table, table) &&
		    str_eq(fields[i].key, key))
			return &fields[i];
	}
	return NULL;
}

/* Read the keys of one table; a key that nobody knows is a mistake. */
static int
read_table(const char *table, const char *origin, const struct toml *t,
    struct profile *p, struct err *e)
{
	const struct field *f;
	const struct toml *item;
	const char *key;
	size_t i;

	for (i = 0; i < toml_count(t); i++) {
		item = toml_at(t, i, &key);
		if (toml_type(item) == TOML_TABLE && table[0] == '\0' &&
		    in_list(tables, key)) {
			if (read_table(key, origin, item, p, e) != 0)
				return -1;
			continue;
		}
		f = find_field(table, key);
		if (f == NULL)
			return bad(origin, item, key,
			    "no such key; see panemesh-profile(5)", e);
		if (read_field(f, origin, item, p, e) != 0)
			return -1;
	}
	return 0;
}

static void
profile_free(struct profile *p)
{
	size_t i;

	x_free(p->name);
	x_free(p->label);
	x_free(p->origin);
	x_free(p->command_chars);
	x_free(p->completion_chars);
	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (fields[i].type == FIELD_WORDS ||
		    fields[i].type == FIELD_GUARD)
			argv_free((void *)((char *)p + fields[i].offset));
	}
}

/* What cannot work together. */
static int
check_profile(const struct profile *p, const struct toml *root,
    const char *origin, struct err *e)
{
	if (toml_get(root, "kind") == NULL)
		return bad(origin, root, "kind", "is missing", e);
	if (p->kind != PROFILE_AGENT)
		return 0;
	if (p->frame != PROFILE_FRAME_RULE && p->glyphs.n == 0)
		return bad(origin, root, "glyphs",
		    "an agent's composer needs a glyph or a rule", e);
	if (p->frame == PROFILE_FRAME_BAR && p->glyphs.n != 1)
		return bad(origin, root, "glyphs", "a bar is one glyph", e);
	return 0;
}

/* `part`: what is left of a shipped one has been checked with the rest. */
static int
set_add(struct profile_set *set, const char *name, const char *origin,
    const char *text, size_t len, bool part, struct err *e)
{
	struct profile p = { .indent = -1,
		.ghost_dim = true,
		.ghost_grey = true,
		.status_rows = 8 };
	struct toml *root = NULL;
	size_t i;
	int rc = -1;

	p.name = x_strdup(name);
	p.label = x_strdup(name);
	p.origin = x_strdup(origin);
	p.command_chars = x_strdup("");
	p.completion_chars = x_strdup("@");
	root = toml_parse(origin, text, len, e);
	if (root == NULL || read_table("", origin, root, &p, e) != 0 ||
	    (!part && check_profile(&p, root, origin, e) != 0))
		goto out;
	for (i = 0; i < set->n; i++) {
		if (str_eq(set->v[i].name, name)) {
			profile_free(&set->v[i]);
			set->v[i] = p;
			rc = 0;
			goto out;
		}
	}
	if (set->n == PROFILE_COUNT_MAX) {
		(void)err_set(e, EXIT_LOCAL, "%s: more than %d profiles",
		    origin, PROFILE_COUNT_MAX);
		goto out;
	}
	if (set->n == set->cap) {
		set->cap = set->cap == 0 ? 64 : set->cap * 2;
		set->v = x_realloc(set->v, set->cap, sizeof(*set->v));
	}
	set->v[set->n++] = p;
	rc = 0;
out:
	if (rc != 0)
		profile_free(&p);
	toml_free(root);
	return rc;
}

int
profile_set_add(struct profile_set *set, const char *name, const char *origin,
    const char *text, size_t len, struct err *e)
{
	return set_add(set, name, origin, text, len, false, e);
}

static int
only_toml(const struct dirent *d)
{
	return d->d_name[0] != '.' && str_ends(d->d_name, ".toml") &&
	    strlen(d->d_name) > strlen(".toml");
}

static int
load_file(
    struct profile_set *set, const char *dir, const char *file, struct err *e)
{
	struct buf text = BUF_INIT_MAX(PROFILE_SIZE_MAX);
	char *path = x_asprintf("%s/%s", dir, file);
	char *name = x_strndup(file, strlen(file) - strlen(".toml"));
	int rc = -1;

	switch (file_read_ours(path, &text, e)) {
	case FILE_MISSING:
		rc = 0;
		break;
	case FILE_READ:
		if (buf_check(&text, path, e) == 0)
			rc = profile_set_add(
			    set, name, path, text.data, text.len, e);
		break;
	case FILE_FAILED:
		break;
	}
	x_free(name);
	x_free(path);
	buf_free(&text);
	return rc;
}

static int
load_dir(struct profile_set *set, const char *dir, struct err *e)
{
	struct dirent **files = NULL;
	int i, n, rc = 0;

	n = scandir(dir, &files, only_toml, alphasort);
	if (n < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (n < 0)
		return err_set(e, EXIT_LOCAL, "%s: %s", dir, strerror(errno));
	for (i = 0; i < n; i++) {
		if (rc == 0)
			rc = load_file(set, dir, files[i]->d_name, e);
		free(files[i]);
	}
	free(files);
	return rc;
}

/* Where the table ends that says by what the program is recognised. */
static size_t
recognise_end(const char *text)
{
	const char *at = strstr(text, "\n[recognise]");
	const char *end = at == NULL ? NULL : strstr(at + 1, "\n[");

	return end == NULL ? strlen(text) : (size_t)(end + 1 - text);
}

static int
load_all(
    struct profile_set *set, const char *user_dir, bool part, struct err *e)
{
	const struct profile_source *s;
	size_t len;

	*set = (struct profile_set){ .v = NULL };
	for (s = profile_sources; s->name != NULL; s++) {
		char *origin = x_asprintf("%s.toml (built in)", s->name);
		int rc;

		len = part ? recognise_end(s->text) : strlen(s->text);
		rc = set_add(set, s->name, origin, s->text, len, part, e);
		x_free(origin);
		if (rc != 0)
			return -1;
	}
	return user_dir == NULL ? 0 : load_dir(set, user_dir, e);
}

int
profile_set_load(struct profile_set *set, const char *user_dir, struct err *e)
{
	return load_all(set, user_dir, false, e);
}

int
profile_set_load_part(
    struct profile_set *set, const char *user_dir, struct err *e)
{
	return load_all(set, user_dir, true, e);
}

void
profile_set_free(struct profile_set *set)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		profile_free(&set->v[i]);
	x_free(set->v);
	*set = (struct profile_set){ .v = NULL };
}

const struct profile *
profile_find(const struct profile_set *set, const char *name)
{
	size_t i;

	for (i = 0; i < set->n; i++) {
		if (str_eq(set->v[i].name, name))
			return &set->v[i];
	}
	return NULL;
}
