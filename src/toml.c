#include "toml.h"

#include <stdio.h>
#include <string.h>

#include "toml_scan.h"
#include "toml_tree.h"

/*
 * Who may add to a table: any number of headers and dotted keys lead through
 * others on their way, but each table has one place where its own keys stand:
 * its header, the section whose dotted keys made it, or its braces. A section
 * is what follows one header, or one pair of braces.
 */
struct parser {
	struct toml_scan s;
	uint32_t section;
	uint32_t sections;
};

_Static_assert(TOML_SIZE_MAX < 1 << 28, "lines fit into struct toml");

/* A key in a message: enough of it to be found. */
enum { KEY_SHOWN = 60 };

static int parse_pair(struct parser *p, struct toml_table *t);
static int parse_value(struct parser *p, struct toml *v, unsigned depth);

static void
value_set(struct toml *v, enum toml_type type, uint32_t line)
{
	v->type = type & 15U;
	v->line = line & 0xfffffffU;
}

static int
fail_key(const struct parser *p, const struct toml_key *key, const char *reason)
{
	size_t n = key->len;

	if (n > KEY_SHOWN)
		for (n = KEY_SHOWN; ((unsigned char)key->s[n] & 0xc0) == 0x80;)
			n--;
	return toml_scan_fail(&p->s, key->at, "'%.*s%s' %s", (int)n, key->s,
	    n < key->len ? "..." : "", reason);
}

static int
fail_twice(const struct parser *p, const struct toml_key *key,
    const struct toml_member *m)
{
	char reason[64];

	(void)snprintf(reason, sizeof(reason), "is defined in line %u already",
	    (unsigned)m->value.line);
	return fail_key(p, key, reason);
}

static int
expect(struct parser *p, const char *word, const char *want)
{
	size_t n = strlen(word);

	if ((size_t)(p->s.end - p->s.at) < n || memcmp(p->s.at, word, n) != 0)
		return toml_scan_expected(&p->s, want);
	p->s.at += n;
	return 0;
}

static int
check_depth(const struct parser *p, const char *at, unsigned depth)
{
	if (depth <= TOML_DEPTH_MAX)
		return 0;
	return toml_scan_fail(
	    &p->s, at, "nested deeper than %d levels", TOML_DEPTH_MAX);
}

/* A new table as the value of a new member of `t`. */
static int
make_table(struct parser *p, const struct toml_table *t,
    const struct toml_key *key, struct toml_member *m, enum toml_kind kind)
{
	if (check_depth(p, key->at, t->depth + 1U) != 0)
		return -1;
	value_set(&m->value, TOML_TABLE, p->s.line);
	m->value.table = toml_tree_table(t->doc, kind, t->depth + 1U);
	m->value.table->section = p->section;
	return 0;
}

/* From *t to the table that a part of a dotted key names. */
static int
step(struct parser *p, bool header, struct toml_table **t,
    const struct toml_key *key)
{
	struct toml_table *next;
	struct toml_member *m;
	bool fresh;

	m = toml_tree_put(*t, key->s, key->len, &fresh);
	if (fresh &&
	    make_table(p, *t, key, m,
		header ? TOML_KIND_IMPLICIT : TOML_KIND_DOTTED) != 0)
		return -1;
	if (m->value.type == TOML_ARRAY && m->value.array->open && header) {
		*t = m->value.array->items[m->value.array->n - 1].table;
		return 0;
	}
	if (m->value.type != TOML_TABLE)
		return fail_key(p, key, "is no table to add to");
	next = m->value.table;
	if (next->kind == TOML_KIND_INLINE)
		return fail_key(p, key, "is complete within its braces");
	if (!header) {
		if (next->kind == TOML_KIND_HEADER ||
		    (next->kind == TOML_KIND_DOTTED &&
			next->section != p->section))
			return fail_key(p, key,
			    "is a table of another place; add the key there");
		next->kind = TOML_KIND_DOTTED;
		next->section = p->section;
	}
	*t = next;
	return 0;
}

/* A dotted key, from its first part on: *t becomes the table where the last
 * part, *key, belongs. */
static int
parse_path(
    struct parser *p, bool header, struct toml_table **t, struct toml_key *key)
{
	for (;;) {
		if (toml_scan_key(&p->s, key) != 0)
			return -1;
		if (key->len > TOML_KEY_MAX)
			return toml_scan_fail(&p->s, key->at,
			    "a key longer than %d bytes", TOML_KEY_MAX);
		toml_scan_blanks(&p->s);
		if (toml_scan_peek(&p->s) != '.')
			return 0;
		p->s.at++;
		toml_scan_blanks(&p->s);
		if (step(p, header, t, key) != 0)
			return -1;
	}
}

static int
parse_array(struct parser *p, struct toml *v, unsigned depth)
{
	struct toml_array *a = toml_tree_array(p->s.doc, depth);

	value_set(v, TOML_ARRAY, p->s.line);
	v->array = a;
	p->s.at++;
	for (;;) {
		if (toml_scan_gap(&p->s) != 0)
			return -1;
		if (toml_scan_peek(&p->s) == ']')
			break;
		if (parse_value(p, toml_tree_push(p->s.doc, a), depth + 1) != 0)
			return -1;
		if (toml_scan_gap(&p->s) != 0)
			return -1;
		if (toml_scan_peek(&p->s) != ',')
			break;
		p->s.at++;
	}
	return expect(p, "]", "',' or ']'");
}

static int
parse_inline(struct parser *p, struct toml *v, unsigned depth)
{
	uint32_t section = p->section;

	value_set(v, TOML_TABLE, p->s.line);
	v->table = toml_tree_table(p->s.doc, TOML_KIND_INLINE, depth);
	p->section = ++p->sections;
	p->s.at++;
	toml_scan_blanks(&p->s);
	if (toml_scan_peek(&p->s) != '}') {
		for (;;) {
			if (parse_pair(p, v->table) != 0)
				return -1;
			toml_scan_blanks(&p->s);
			if (toml_scan_peek(&p->s) != ',')
				break;
			p->s.at++;
			toml_scan_blanks(&p->s);
		}
	}
	p->section = section;
	return expect(p, "}", "',' or '}'");
}

static bool
is_word(const struct parser *p, const char *word)
{
	size_t n = strlen(word), left = (size_t)(p->s.end - p->s.at);

	return left >= n && memcmp(p->s.at, word, n) == 0;
}

/* `depth` is that of the value if it is an array or a table. */
static int
parse_value(struct parser *p, struct toml *v, unsigned depth)
{
	int c = toml_scan_peek(&p->s);

	if (c == '[' || c == '{') {
		if (check_depth(p, p->s.at, depth) != 0)
			return -1;
		return c == '[' ? parse_array(p, v, depth)
				: parse_inline(p, v, depth);
	}
	if (c == '"' || c == '\'') {
		value_set(v, TOML_STRING, p->s.line);
		return toml_scan_string(&p->s, &v->string, &v->len);
	}
	if (is_word(p, "true") || is_word(p, "false")) {
		value_set(v, TOML_BOOLEAN, p->s.line);
		v->boolean = c == 't';
		p->s.at += v->boolean ? 4 : 5;
		return 0;
	}
	value_set(v, TOML_INTEGER, p->s.line);
	return toml_scan_number(&p->s, &v->integer);
}

static int
parse_pair(struct parser *p, struct toml_table *t)
{
	struct toml_member *m;
	struct toml_key key;
	bool fresh;

	if (parse_path(p, false, &t, &key) != 0 || expect(p, "=", "'='") != 0)
		return -1;
	toml_scan_blanks(&p->s);
	m = toml_tree_put(t, key.s, key.len, &fresh);
	if (!fresh)
		return fail_twice(p, &key, m);
	return parse_value(p, &m->value, t->depth + 1U);
}

/* [table]: *t becomes it. */
static int
open_table(struct parser *p, struct toml_table **t, const struct toml_key *key)
{
	struct toml_member *m;
	bool fresh;

	m = toml_tree_put(*t, key->s, key->len, &fresh);
	if (fresh) {
		if (make_table(p, *t, key, m, TOML_KIND_HEADER) != 0)
			return -1;
	} else if (m->value.type != TOML_TABLE ||
	    m->value.table->kind != TOML_KIND_IMPLICIT) {
		return fail_twice(p, key, m);
	}
	*t = m->value.table;
	(*t)->kind = TOML_KIND_HEADER;
	value_set(&m->value, TOML_TABLE, p->s.line);
	return 0;
}

/* [[array]]: *t becomes its new table. */
static int
open_item(struct parser *p, struct toml_table **t, const struct toml_key *key)
{
	struct toml_array *a;
	struct toml_member *m;
	struct toml *v;
	bool fresh;

	m = toml_tree_put(*t, key->s, key->len, &fresh);
	if (fresh) {
		if (check_depth(p, key->at, (*t)->depth + 2U) != 0)
			return -1;
		value_set(&m->value, TOML_ARRAY, p->s.line);
		m->value.array = toml_tree_array(p->s.doc, (*t)->depth + 1U);
		m->value.array->open = true;
	} else if (m->value.type != TOML_ARRAY || !m->value.array->open) {
		return fail_twice(p, key, m);
	}
	a = m->value.array;
	v = toml_tree_push(p->s.doc, a);
	value_set(v, TOML_TABLE, p->s.line);
	*t = v->table =
	    toml_tree_table(p->s.doc, TOML_KIND_HEADER, a->depth + 1U);
	return 0;
}

static int
parse_header(struct parser *p, struct toml_table **t)
{
	bool item = is_word(p, "[[");
	struct toml_key key;

	p->section = ++p->sections;
	p->s.at += item ? 2 : 1;
	toml_scan_blanks(&p->s);
	if (parse_path(p, true, t, &key) != 0)
		return -1;
	if (expect(p, item ? "]]" : "]", item ? "']]'" : "']'") != 0)
		return -1;
	return item ? open_item(p, t, &key) : open_table(p, t, &key);
}

static int
parse_document(struct parser *p, struct toml_table *root)
{
	struct toml_table *t = root;
	int c;

	for (;;) {
		toml_scan_blanks(&p->s);
		c = toml_scan_peek(&p->s);
		if (c < 0)
			return 0;
		if (c == '[') {
			t = root;
			if (parse_header(p, &t) != 0)
				return -1;
		} else if (c != '#' && c != '\n' && c != '\r') {
			if (parse_pair(p, t) != 0)
				return -1;
		}
		if (toml_scan_line_end(&p->s) != 0)
			return -1;
	}
}

struct toml *
toml_parse(const char *name, const char *text, size_t len, struct err *e)
{
	struct toml_doc *doc;
	struct parser p = { .section = 0 };
	struct toml *root;

	if (len > TOML_SIZE_MAX) {
		(void)err_set(e, EXIT_LOCAL, "%s:1:1: larger than %d bytes",
		    name, TOML_SIZE_MAX);
		return NULL;
	}
	doc = toml_tree_new(len);
	root = toml_tree_root(doc);
	value_set(root, TOML_TABLE, 1);
	root->table = toml_tree_table(doc, TOML_KIND_HEADER, 0);
	text = len == 0 ? "" : text;
	p.s = (struct toml_scan){
		.name = name,
		.start = text,
		.at = text,
		.end = text + len,
		.line = 1,
		.doc = doc,
		.e = e,
	};
	if (parse_document(&p, root->table) == 0)
		return root;
	toml_tree_free(doc);
	return NULL;
}

void
toml_free(struct toml *root)
{
	if (root != NULL)
		toml_tree_free(toml_tree_doc(root));
}

enum toml_type
toml_type(const struct toml *t)
{
	return (enum toml_type)t->type;
}

static bool
is_type(const struct toml *t, enum toml_type type)
{
	return t != NULL && t->type == type;
}

const struct toml *
toml_get(const struct toml *t, const char *key)
{
	const struct toml_member *m;

	if (!is_type(t, TOML_TABLE))
		return NULL;
	m = toml_tree_find(t->table, key, strlen(key));
	return m == NULL ? NULL : &m->value;
}

size_t
toml_count(const struct toml *t)
{
	if (is_type(t, TOML_TABLE))
		return t->table->n;
	return is_type(t, TOML_ARRAY) ? t->array->n : 0;
}

const struct toml *
toml_at(const struct toml *t, size_t i, const char **key)
{
	if (key != NULL)
		*key = NULL;
	if (i >= toml_count(t))
		return NULL;
	if (t->type == TOML_ARRAY)
		return &t->array->items[i];
	if (key != NULL)
		*key = t->table->members[i].key;
	return &t->table->members[i].value;
}

const char *
toml_key(const struct toml *t, size_t i, size_t *len)
{
	if (!is_type(t, TOML_TABLE) || i >= t->table->n)
		return NULL;
	*len = t->table->members[i].key_len;
	return t->table->members[i].key;
}

const char *
toml_bytes(const struct toml *t, size_t *len)
{
	if (!is_type(t, TOML_STRING))
		return NULL;
	*len = t->len;
	return t->string;
}

const char *
toml_string(const struct toml *t, const char *fallback)
{
	if (!is_type(t, TOML_STRING) || memchr(t->string, '\0', t->len) != NULL)
		return fallback;
	return t->string;
}

int64_t
toml_integer(const struct toml *t, int64_t fallback)
{
	return is_type(t, TOML_INTEGER) ? t->integer : fallback;
}

bool
toml_boolean(const struct toml *t, bool fallback)
{
	return is_type(t, TOML_BOOLEAN) ? t->boolean : fallback;
}

unsigned
toml_line(const struct toml *t)
{
	return t->line;
}
