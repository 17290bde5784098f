/* toml_tree - the memory of a TOML tree, for toml.c only: everything of one
 * document lies in a few blocks that are released together. */
#ifndef TOML_TREE_H
#define TOML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct toml_doc;

/* A value; 16 bytes, because long documents have many. `type` is an enum
 * toml_type, `line` counts from 1; TOML_SIZE_MAX has no more than fit. */
struct toml {
	union {
		const char *string;
		int64_t integer;
		bool boolean;
		struct toml_array *array;
		struct toml_table *table;
	};
	uint32_t len; /* of the string */
	uint32_t type : 4;
	uint32_t line : 28;
};

/* Values may move while the array grows; the arrays and tables they lead to
 * stay where they are. */
struct toml_array {
	struct toml *items;
	uint32_t n;
	uint32_t cap;
	uint8_t depth; /* below the root, which has 0 */
	bool open;     /* made by [[headers]], which may add to it */
};

/* What made a table decides who may add to it. */
enum toml_kind {
	TOML_KIND_IMPLICIT, /* named on the way to another by a header */
	TOML_KIND_HEADER,   /* by its own header; the root */
	TOML_KIND_DOTTED,   /* named on the way by a dotted key */
	TOML_KIND_INLINE,   /* by braces */
};

struct toml_member {
	struct toml value;
	const char *key;
	uint32_t key_len;
	uint32_t hash;
};

struct toml_table {
	struct toml_doc *doc;
	struct toml_member *members; /* in the order of the document */
	uint32_t *slots;             /* index + 1 of a member, 0 if free */
	uint32_t n;
	uint32_t cap;
	uint32_t mask;    /* number of slots - 1; 0 while there are none */
	uint32_t section; /* of a dotted one: where keys may still add to it */
	uint8_t kind;
	uint8_t depth;
};

/* The document, with its root table's value first, for a text of `text_len`
 * bytes; released with all that the functions below make. */
struct toml_doc *toml_tree_new(size_t text_len);
void toml_tree_free(struct toml_doc *doc);

struct toml *toml_tree_root(struct toml_doc *doc);

/* The document whose root that is. */
struct toml_doc *toml_tree_doc(struct toml *root);

/* Memory for anything, aligned to 8 bytes, not cleared. */
void *toml_tree_alloc(struct toml_doc *doc, size_t size);

/* A NUL-terminated copy of `len` bytes. */
const char *toml_tree_copy(struct toml_doc *doc, const char *s, size_t len);

struct toml_array *toml_tree_array(struct toml_doc *doc, unsigned depth);
struct toml_table *toml_tree_table(
    struct toml_doc *doc, enum toml_kind kind, unsigned depth);

/* One more, cleared value at the end. */
struct toml *toml_tree_push(struct toml_doc *doc, struct toml_array *a);

/* The member with that key, or NULL. */
struct toml_member *toml_tree_find(
    const struct toml_table *t, const char *key, size_t len);

/* The same, made (*fresh, value cleared, key copied) if there is none. The
 * pointer holds until the next one is made in this table. */
struct toml_member *toml_tree_put(
    struct toml_table *t, const char *key, size_t len, bool *fresh);

#endif
