#include "toml_tree.h"

#include <string.h>
#include <sys/random.h>

#include "mem.h"

enum {
	BLOCK_MIN = 1024,
	BLOCK_MAX = 1024 * 1024,
	/* Up to so many members a table is searched from end to end. */
	SMALL_TABLE = 8,
};

struct block {
	struct block *next;
	uint64_t data[];
};

struct toml_doc {
	struct toml root;
	struct block *blocks;
	char *at; /* free memory of the first block */
	size_t left;
	size_t block_size;
	uint64_t seed[2];
};

struct toml_doc *
toml_tree_new(size_t text_len)
{
	struct toml_doc *doc = x_calloc(1, sizeof(*doc));

	doc->block_size = text_len < BLOCK_MIN ? BLOCK_MIN
	    : text_len > BLOCK_MAX             ? BLOCK_MAX
					       : text_len;
	/* Without random numbers the keys only lose their cover, see hash(). */
	(void)!getrandom(doc->seed, sizeof(doc->seed), GRND_NONBLOCK);
	return doc;
}

void
toml_tree_free(struct toml_doc *doc)
{
	struct block *b, *next;

	if (doc == NULL)
		return;
	for (b = doc->blocks; b != NULL; b = next) {
		next = b->next;
		x_free(b);
	}
	x_free(doc);
}

struct toml *
toml_tree_root(struct toml_doc *doc)
{
	return &doc->root;
}

struct toml_doc *
toml_tree_doc(struct toml *root)
{
	return (struct toml_doc *)(void *)root;
}

/* A block for one large piece goes behind the first, which stays in use. */
static void *
alloc_block(struct toml_doc *doc, size_t size)
{
	bool own = size > doc->block_size / 4 && doc->blocks != NULL;
	size_t room = own || size > doc->block_size ? size : doc->block_size;
	struct block *b = x_malloc(sizeof(*b) + room);

	if (own) {
		b->next = doc->blocks->next;
		doc->blocks->next = b;
		return b->data;
	}
	b->next = doc->blocks;
	doc->blocks = b;
	doc->at = (char *)b->data + size;
	doc->left = room - size;
	return b->data;
}

void *
toml_tree_alloc(struct toml_doc *doc, size_t size)
{
	void *p;

	size = (size + 7) & ~(size_t)7;
	if (size > doc->left)
		return alloc_block(doc, size);
	p = doc->at;
	doc->at += size;
	doc->left -= size;
	return p;
}

const char *
toml_tree_copy(struct toml_doc *doc, const char *s, size_t len)
{
	char *p = toml_tree_alloc(doc, len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

/* The old items are left behind: at most as much again, freed with the rest. */
static void *
grow(struct toml_doc *doc, void *items, uint32_t *cap, size_t size)
{
	uint32_t more = *cap == 0 ? 2 : *cap * 2;
	void *p = toml_tree_alloc(doc, more * size);

	if (*cap > 0)
		memcpy(p, items, *cap * size);
	*cap = more;
	return p;
}

struct toml_array *
toml_tree_array(struct toml_doc *doc, unsigned depth)
{
	struct toml_array *a = toml_tree_alloc(doc, sizeof(*a));

	*a = (struct toml_array){ .depth = (uint8_t)depth };
	return a;
}

struct toml *
toml_tree_push(struct toml_doc *doc, struct toml_array *a)
{
	struct toml *v;

	if (a->n == a->cap)
		a->items = grow(doc, a->items, &a->cap, sizeof(*a->items));
	v = &a->items[a->n++];
	*v = (struct toml){ .len = 0 };
	return v;
}

struct toml_table *
toml_tree_table(struct toml_doc *doc, enum toml_kind kind, unsigned depth)
{
	struct toml_table *t = toml_tree_alloc(doc, sizeof(*t));

	*t = (struct toml_table){
		.doc = doc, .kind = (uint8_t)kind, .depth = (uint8_t)depth
	};
	return t;
}

static uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/*
 * SipHash-1-3 (Aumasson, Bernstein: SipHash, 2012) with a secret of each
 * document: whoever writes a document for us cannot know which keys would
 * collide, so no choice of keys makes the table slow. str_hash() has no secret.
 */
static uint32_t
hash(const struct toml_doc *doc, const char *key, size_t len)
{
	uint64_t v[4] = {
		doc->seed[0] ^ UINT64_C(0x736f6d6570736575),
		doc->seed[1] ^ UINT64_C(0x646f72616e646f6d),
		doc->seed[0] ^ UINT64_C(0x6c7967656e657261),
		doc->seed[1] ^ UINT64_C(0x7465646279746573),
	};
	uint64_t word;
	size_t left;

	for (left = len; left >= 8; left -= 8, key += 8) {
		memcpy(&word, key, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	memcpy(&word, key, left);
	word ^= (uint64_t)len << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	return (uint32_t)(word ^ word >> 32);
}

static bool
is_key(const struct toml_member *m, uint32_t h, const char *key, size_t len)
{
	return m->hash == h && m->key_len == len &&
	    memcmp(m->key, key, len) == 0;
}

static struct toml_member *
find(const struct toml_table *t, uint32_t h, const char *key, size_t len)
{
	uint32_t i;

	if (t->mask == 0) {
		for (i = 0; i < t->n; i++)
			if (is_key(&t->members[i], h, key, len))
				return &t->members[i];
		return NULL;
	}
	for (i = h & t->mask; t->slots[i] != 0; i = (i + 1) & t->mask)
		if (is_key(&t->members[t->slots[i] - 1], h, key, len))
			return &t->members[t->slots[i] - 1];
	return NULL;
}

static void
enter(struct toml_table *t, uint32_t index)
{
	uint32_t i = t->members[index].hash & t->mask;

	while (t->slots[i] != 0)
		i = (i + 1) & t->mask;
	t->slots[i] = index + 1;
}

/* Twice as many slots as members can be, so that probing stays short. */
static void
make_slots(struct toml_table *t)
{
	uint32_t n = t->cap * 2, i;

	t->slots = toml_tree_alloc(t->doc, n * sizeof(*t->slots));
	memset(t->slots, 0, n * sizeof(*t->slots));
	t->mask = n - 1;
	for (i = 0; i < t->n; i++)
		enter(t, i);
}

struct toml_member *
toml_tree_find(const struct toml_table *t, const char *key, size_t len)
{
	return find(t, hash(t->doc, key, len), key, len);
}

struct toml_member *
toml_tree_put(struct toml_table *t, const char *key, size_t len, bool *fresh)
{
	uint32_t h = hash(t->doc, key, len);
	struct toml_member *m = find(t, h, key, len);

	*fresh = m == NULL;
	if (m != NULL)
		return m;
	if (t->n == t->cap) {
		t->members =
		    grow(t->doc, t->members, &t->cap, sizeof(*t->members));
		if (t->cap > SMALL_TABLE)
			make_slots(t);
	}
	m = &t->members[t->n++];
	*m = (struct toml_member){
		.key = toml_tree_copy(t->doc, key, len),
		.key_len = (uint32_t)len,
		.hash = h,
	};
	if (t->mask != 0)
		enter(t, t->n - 1);
	return m;
}
