#include "registry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "slice.h"
#include "toml.h"

enum { REGISTRY_PAGE = 16384 }; /* bytes read at a time by a lookup */

static const char block_start[] = "\n[agents.";

/* Read the whole file into `text`: what cannot be searched by halving. */
static int
read_all(struct registry *r, struct err *e)
{
	ssize_t n = 1;

	if (r->fd < 0)
		return 0;
	buf_reset(&r->text);
	if (lseek(r->fd, 0, SEEK_SET) != 0)
		n = -1;
	while (n > 0 && r->text.len < r->size) {
		n = buf_read_fd(&r->text, r->fd, r->size - r->text.len);
		if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n < 0 || r->text.len != r->size)
		return err_set(e, EXIT_LOCAL,
		    "registry.toml: changed while it was read; try again");
	(void)close(r->fd);
	r->fd = -1;
	return 0;
}

/* Append up to `want` bytes from `at` to `page`. 0 at the end, -1 failed. */
static ssize_t
read_page(const struct registry *r, size_t at, size_t want, struct buf *page)
{
	char bytes[REGISTRY_PAGE];
	ssize_t n;

	if (want > sizeof(bytes))
		want = sizeof(bytes);
	if (r->fd < 0) {
		if (at >= r->text.len)
			return 0;
		if (want > r->text.len - at)
			want = r->text.len - at;
		buf_add(page, r->text.data + at, want);
		return (ssize_t)want;
	}
	n = pread(r->fd, bytes, want, (off_t)at);
	if (n > 0)
		buf_add(page, bytes, (size_t)n);
	return n;
}

/* A block found: where its header's '[' stands, and its address. */
struct block {
	size_t at;
	char address[ADDRESS_MAX + 1];
};

/* The address in the header at `hit`, which ends before `stop`. -1 when the
 * text is none of ours. */
static int
read_header(const char *hit, const char *stop, size_t at, struct block *out)
{
	const char *name = hit + sizeof(block_start) - 2;
	const char *end = memchr(hit, '\n', (size_t)(stop - hit));
	size_t len;

	if (end == NULL || end[-1] != ']' || end - 1 <= name)
		return -1;
	len = (size_t)(end - 1 - name);
	if (len > ADDRESS_MAX)
		return -1;
	memcpy(out->address, name, len);
	out->address[len] = '\0';
	out->at = at;
	return 1;
}

/*
 * The first block whose header starts in [from, to). 1 found, 0 none, -1 when
 * the file is not what its stamp said.
 */
static int
find_block(const struct registry *r, size_t from, size_t to, struct block *out)
{
	/* The newline before the header belongs to the line before. */
	size_t base = from > 0 ? from - 1 : 0, at;
	struct buf page = BUF_INIT;
	const char *data, *hit;
	size_t len;
	ssize_t n = 0;
	int found = 0;

	for (;;) {
		if (r->fd < 0) {
			data = r->text.data + (base < r->size ? base : r->size);
			len = r->size - (base < r->size ? base : r->size);
		} else {
			n = read_page(r, base + page.len, REGISTRY_PAGE, &page);
			data = page.data;
			len = page.len;
		}
		hit = memmem(data, len, block_start, sizeof(block_start) - 1);
		if (n < 0)
			found = -1;
		if (n < 0 || (hit == NULL && (n == 0 || base + len > to)))
			break;
		if (hit == NULL)
			continue;
		hit++;
		at = base + (size_t)(hit - data);
		if (at >= to)
			break;
		if (n > 0 &&
		    memchr(hit, '\n', len - (size_t)(hit - data)) == NULL)
			continue; /* the header goes on in the next page */
		found = read_header(hit, data + len, at, out);
		break;
	}
	buf_free(&page);
	return found;
}

static int
registry_broken(struct err *e)
{
	return err_set(e, EXIT_LOCAL,
	    "registry.toml: changed while it was read; try again");
}

/* Parse the block that starts at `at`; *end is where the next one does. */
static int
parse_block(const struct registry *r, const struct block *block, size_t *end,
    struct agent *a, struct err *e)
{
	const struct toml *t;
	struct toml *root = NULL;
	struct block next;
	struct buf text = BUF_INIT;
	int rc = -1;

	agent_init(a);
	switch (find_block(r, block->at + 1, r->size, &next)) {
	case 1:
		*end = next.at;
		break;
	case 0:
		*end = r->size;
		break;
	default:
		return registry_broken(e);
	}
	while (text.len < *end - block->at)
		if (read_page(r, block->at + text.len,
			*end - block->at - text.len, &text) <= 0) {
			(void)registry_broken(e);
			goto out;
		}
	root = toml_parse("registry.toml", text.data, text.len, e);
	if (root == NULL)
		goto out;
	t = toml_get(toml_get(root, "agents"), block->address);
	if (t == NULL) {
		(void)registry_broken(e);
		goto out;
	}
	agent_free(a);
	rc = slice_parse_agent(a, "registry.toml", block->address, t, e);
out:
	toml_free(root);
	buf_free(&text);
	return rc;
}

/* By halving: 1 found, 0 not there, -1 broken. */
static int
find_address(const struct registry *r, const char *address, struct block *out)
{
	size_t low = 0, high = r->size, middle;
	int found, order;

	while (low < high) {
		middle = low + (high - low) / 2;
		found = find_block(r, middle, high, out);
		if (found < 0)
			return -1;
		if (found == 0) {
			high = middle;
			continue;
		}
		order = strcmp(out->address, address);
		if (order == 0)
			return 1;
		if (order < 0)
			low = out->at + 1;
		else
			high = middle;
	}
	return 0;
}

int
registry_next(struct registry *r, size_t *at, struct agent *a, struct err *e)
{
	struct block block;

	if (read_all(r, e) != 0)
		return -1;
	switch (find_block(r, *at, r->size, &block)) {
	case 0:
		return 0;
	case 1:
		break;
	default:
		return registry_broken(e);
	}
	if (parse_block(r, &block, at, a, e) == 0)
		return 1;
	agent_free(a);
	return -1;
}

/* Does the line that `hit` stands in begin with `start`? */
static bool
line_begins(const struct buf *text, const char *hit, const char *start)
{
	const char *line = hit;

	while (line > text->data && line[-1] != '\n')
		line--;
	return str_starts(line, start);
}

/*
 * All that carry `name` as an alias: the texts are searched for the quoted
 * name, and only entries whose aliases line holds it are parsed.
 */
static int
find_alias(struct registry *r, const char *name, int64_t now, struct agent *a,
    struct err *e)
{
	char *quoted = x_asprintf("\"%s\"", name);
	struct buf others = BUF_INIT;
	const char *hit, *from, *header;
	struct agent other;
	struct block block;
	size_t end, found = 0;
	int rc = -1;

	from = r->text.data;
	for (;;) {
		hit = memmem(from, r->text.len - (size_t)(from - r->text.data),
		    quoted, strlen(quoted));
		if (hit == NULL)
			break;
		from = hit + 1;
		if (!line_begins(&r->text, hit, "aliases = ["))
			continue;
		for (header = hit; header > r->text.data; header--)
			if (header[-1] == '\n' &&
			    str_starts(header, "[agents."))
				break;
		if (find_block(r, (size_t)(header - r->text.data), r->size,
			&block) != 1) {
			(void)registry_broken(e);
			goto out;
		}
		if (parse_block(r, &block, &end, &other, e) != 0) {
			agent_free(&other);
			goto out;
		}
		if (!agent_has_alias(&other, name, now)) {
			agent_free(&other);
			continue;
		}
		if (found < REGISTRY_NEAR_MAX)
			buf_addf(&others, "%s%s", found == 0 ? "" : ", ",
			    other.address);
		if (found++ == 0) {
			agent_free(a);
			*a = other;
		} else {
			agent_free(&other);
		}
	}
	rc = found > 0;
	if (found > 1)
		rc = err_set(e, EXIT_UNKNOWN,
		    "%s: means %zu agents: %s%s; use an address", name, found,
		    others.data, found > REGISTRY_NEAR_MAX ? ", ..." : "");
out:
	buf_free(&others);
	x_free(quoted);
	return rc;
}

/* "name: no such agent; near: a, b". */
static int
fail_unknown(const struct registry *r, const char *name, struct err *e)
{
	char near[REGISTRY_NEAR_MAX][ADDRESS_MAX + 1];
	unsigned far[REGISTRY_NEAR_MAX], cap, distance;
	struct buf list = BUF_INIT;
	size_t at = 0, n = 0, i;
	struct block block;

	cap = (unsigned)(strlen(name) / 3) + 2;
	while (find_block(r, at, r->size, &block) == 1) {
		at = block.at + 1;
		distance = str_distance(name, block.address, cap);
		if (distance >= cap)
			continue;
		for (i = n < REGISTRY_NEAR_MAX ? n++ : n; i > 0; i--) {
			if (far[i - 1] <= distance)
				break;
			if (i == REGISTRY_NEAR_MAX)
				continue;
			far[i] = far[i - 1];
			memcpy(near[i], near[i - 1], sizeof(near[i]));
		}
		if (i < REGISTRY_NEAR_MAX) {
			far[i] = distance;
			memcpy(near[i], block.address, sizeof(near[i]));
		}
	}
	for (i = 0; i < n; i++)
		buf_addf(
		    &list, "%s %s", i == 0 ? "; did you mean" : ",", near[i]);
	(void)err_set(e, EXIT_UNKNOWN, "%s: no such agent%s%s", name, list.data,
	    n > 0 ? "?" : "; notify-pane --list shows all");
	buf_free(&list);
	return -1;
}

int
registry_find(struct registry *r, const char *name, int64_t now,
    struct agent *a, bool *alias, struct err *e)
{
	struct block block;
	size_t end;
	int found;

	agent_init(a);
	*alias = false;
	if (!str_address_ok(name))
		return err_set(e, EXIT_UNKNOWN,
		    "%.200s: is no address: 1 to %d of A-Z a-z 0-9 _ -", name,
		    ADDRESS_MAX);
	found = find_address(r, name, &block);
	if (found < 0)
		return registry_broken(e);
	if (found == 1) {
		agent_free(a);
		return parse_block(r, &block, &end, a, e);
	}
	if (read_all(r, e) != 0)
		return -1;
	*alias = true;
	found = find_alias(r, name, now, a, e);
	if (found == 0)
		return fail_unknown(r, name, e);
	return found == 1 ? 0 : -1;
}
