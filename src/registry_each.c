#include "registry.h"

#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "toml.h"

enum { EACH_PAGE = 65536 };

/* One entry as its lines come by. */
struct each {
	void (*each)(
	    void *arg, const char *address, const char *role, bool hidden);
	void *arg;
	struct buf address; /* empty: none yet */
	struct buf role;
	bool hidden;
};

static void
each_end(struct each *x)
{
	if (x->address.len > 0)
		x->each(x->arg, x->address.data, x->role.data, x->hidden);
	x->hidden = false;
	buf_reset(&x->address);
	buf_reset(&x->role);
}

/* The line `role = "..."`; an escape in it is left to the parser. */
static int
each_role(struct each *x, const char *line, size_t len, struct err *e)
{
	static const char start[] = "role = \"";
	const size_t begun = sizeof(start) - 1;
	struct toml *root;

	if (len <= begun || memcmp(line, start, begun) != 0)
		return 0;
	buf_reset(&x->role);
	if (memchr(line, '\\', len) == NULL && line[len - 1] == '"') {
		buf_add(&x->role, line + begun, len - begun - 1);
		return 0;
	}
	root = toml_parse("registry.toml", line, len, e);
	if (root == NULL)
		return -1;
	buf_adds(&x->role, toml_string(toml_get(root, "role"), ""));
	toml_free(root);
	return 0;
}

static int
each_line(struct each *x, const char *line, size_t len, struct err *e)
{
	static const char start[] = "[agents.", hidden[] = "explicit = true";
	const size_t begun = sizeof(start) - 1;

	if (len == 0)
		return 0;
	if (len == sizeof(hidden) - 1 && memcmp(line, hidden, len) == 0)
		x->hidden = true;
	if (line[0] == 'r')
		return each_role(x, line, len, e);
	if (line[0] != '[')
		return 0;
	each_end(x);
	if (len > begun && memcmp(line, start, begun) == 0 &&
	    line[len - 1] == ']')
		buf_add(&x->address, line + begun, len - begun - 1);
	return 0;
}

/* The whole lines of `text`; *used is how much that was. */
static int
each_lines(
    struct each *x, const char *text, size_t len, size_t *used, struct err *e)
{
	const char *line = text, *end;

	for (; (end = memchr(line, '\n', len - (size_t)(line - text))) != NULL;
	     line = end + 1)
		if (each_line(x, line, (size_t)(end - line), e) != 0)
			return -1;
	*used = (size_t)(line - text);
	return 0;
}

/* The same of the file, a page at a time. */
static int
each_page(struct each *x, const struct registry *r, struct err *e)
{
	struct buf page = BUF_INIT;
	size_t used, total = 0;
	ssize_t n;
	int rc = 0;

	if (lseek(r->fd, 0, SEEK_SET) != 0)
		total = r->size + 1;
	while (rc == 0 && total < r->size) {
		n = buf_read_fd(&page, r->fd, EACH_PAGE);
		if (n <= 0)
			break;
		total += (size_t)n;
		rc = each_lines(x, page.data, page.len, &used, e);
		if (rc == 0)
			buf_consume(&page, used);
	}
	buf_free(&page);
	if (rc == 0 && total != r->size)
		rc = err_set(e, EXIT_LOCAL,
		    "registry.toml: changed while it was read; try again");
	return rc;
}

int
registry_each(struct registry *r,
    void (*each)(void *arg, const char *address, const char *role, bool hidden),
    void *arg, struct err *e)
{
	struct each x = {
		.each = each, .arg = arg, .address = BUF_INIT, .role = BUF_INIT
	};
	size_t used;
	int rc;

	rc = r->fd >= 0 ? each_page(&x, r, e)
			: each_lines(&x, r->text.data, r->size, &used, e);
	if (rc == 0)
		each_end(&x);
	buf_free(&x.address);
	buf_free(&x.role);
	return rc;
}
