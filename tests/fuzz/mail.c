/* A message that mail_parse() takes is written as one that says the same, its
 * names are names, and its begin fits a line. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail.h"
#include "mem.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool
same(const struct mail *a, const struct mail *b)
{
	return str_eq(a->id, b->id) && str_eq(a->from, b->from) &&
	    str_eq(a->from_host, b->from_host) &&
	    str_eq(a->sender, b->sender) && str_eq(a->note, b->note) &&
	    str_eq(a->folder, b->folder) && str_eq(a->to, b->to) &&
	    str_eq(a->to_host, b->to_host) && a->date == b->date &&
	    str_eq(a->reply_to, b->reply_to) && str_eq(a->thread, b->thread) &&
	    str_eq(a->chain, b->chain) &&
	    memcmp(&a->card, &b->card, sizeof(a->card)) == 0 &&
	    a->urgent == b->urgent && a->first == b->first &&
	    a->type == b->type && a->hops == b->hops &&
	    str_eq(a->path, b->path) && a->question == b->question &&
	    str_eq(a->schema, b->schema) && a->expires == b->expires &&
	    a->body.len == b->body.len &&
	    memcmp(a->body.data, b->body.data, a->body.len) == 0;
}

static void
check_names(const struct mail *m)
{
	if (!mail_id_ok(m->id) || !body_sender_ok(m->from) ||
	    strchr(m->folder, '/') != NULL || str_eq(m->folder, "..") ||
	    (m->reply_to[0] != '\0' && !mail_id_ok(m->reply_to)) ||
	    (m->thread[0] != '\0' && !mail_id_ok(m->thread)) ||
	    (m->chain[0] != '\0' && !mail_chain_ok(m->chain)) ||
	    (m->card.project[0] != '\0' && !mail_card_ok(m->card.project)) ||
	    (m->card.branch[0] != '\0' && !mail_card_ok(m->card.branch)) ||
	    (m->card.program[0] != '\0' && !mail_card_ok(m->card.program)) ||
	    (m->card.directory[0] != '\0' && !mail_card_ok(m->card.directory)))
		abort();
}

/* A way is written as it was read. */
static void
check_path(const char *path)
{
	char text[HOPS_TEXT_MAX + 1];
	struct hops hops;

	if (hops_read(&hops, path) != 0)
		abort();
	hops_write(text, &hops);
	if (!str_eq(text, path))
		abort();
}

static void
check_brief(const struct mail *m)
{
	struct buf brief = BUF_INIT;
	size_t at, n;
	uint32_t ch;

	mail_brief(&brief, m->body.data, m->body.len, MAIL_SUBJECT_MAX);
	for (at = 0; at < brief.len; at += n) {
		n = utf8_decode(brief.data + at, brief.len - at, &ch);
		if (n == 0 || ch == '\n' || utf8_unsafe(ch))
			abort();
	}
	buf_free(&brief);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT_MAX(2UL * MAIL_SIZE_MAX);
	struct mail m, back;
	struct err e;

	if (mail_parse(&m, "fuzz", (const char *)data, len, &e) == 0) {
		check_names(&m);
		check_path(m.path);
		check_brief(&m);
		mail_write(&text, &m);
		if (text.overflow ||
		    mail_parse(&back, "again", text.data, text.len, &e) != 0 ||
		    !same(&m, &back))
			abort();
		mail_free(&back);
	}
	mail_free(&m);
	buf_free(&text);
	return 0;
}
