/* A slice that slice_parse() takes is written as one that says the same, and
 * whatever a peer sends, no name or text in it can do harm. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "slice.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_text(const char *s)
{
	size_t len = strlen(s), n;
	uint32_t ch;

	for (; len > 0; s += n, len -= n) {
		n = utf8_decode(s, len, &ch);
		if (n == 0 || utf8_unsafe(ch))
			abort();
	}
}

static void
check_agent(const struct agent *a, const struct slice *s)
{
	size_t i;

	if (!str_address_ok(a->address) || !str_eq(a->host, s->host))
		abort();
	if (s->version != 0 && !agent_id_ok(a->id))
		abort();
	if (s->version != 0 &&
	    (!str_id_ok(a->ident.pane, '%') || !str_id_ok(a->window, '@')))
		abort();
	for (i = 0; i < a->aliases_n; i++)
		if (!str_address_ok(a->aliases[i].name))
			abort();
	check_text(a->target);
	check_text(a->session);
	check_text(a->window_name);
	check_text(a->role);
	check_text(a->scope);
	check_text(a->command);
	check_text(a->path);
	check_text(a->known);
	check_text(a->ident.socket);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice s, back;
	struct err e;
	size_t i;

	if (slice_parse(&s, "fuzz", (const char *)data, len, &e) == 0) {
		for (i = 0; i < s.agents.n; i++)
			check_agent(&s.agents.v[i], &s);
		if (s.version != 0) {
			slice_write(&text, &s);
			if (slice_parse(
				&back, "back", text.data, text.len, &e) != 0 ||
			    !agent_list_same(&s.agents, &back.agents) ||
			    back.generation != s.generation)
				abort();
			slice_free(&back);
		}
	}
	slice_free(&s);
	buf_free(&text);
	return 0;
}
