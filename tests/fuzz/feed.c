/* A line that feed_parse() takes is written as one that says the same, on one
 * line, and without a byte that a terminal obeys. One that messages_parse()
 * takes has ids and names that are such. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "json.h"
#include "messages.h"
#include "str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* One line, nothing in it that a terminal obeys. */
static void
check_line(const struct buf *text)
{
	size_t i;

	for (i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] < ' ' || text->data[i] == 0x7f)
			abort();
}

static void
check_message(const char *data, size_t len)
{
	struct buf text = BUF_INIT;
	struct json j = JSON_INIT(&text);
	struct message_line m;
	struct err e;

	if (!messages_parse(data, len, &m))
		return;
	if (!mail_id_ok(m.id) || !body_sender_ok(m.from) ||
	    (m.thread[0] != '\0' && !mail_id_ok(m.thread)) ||
	    (m.reply_to[0] != '\0' && !mail_id_ok(m.reply_to)) ||
	    !messages_same(m.id, m.id))
		abort();
	(void)messages_to(&m, m.from);
	messages_json(&j, &m);
	if (json_check(&j, "message", &e) != 0)
		abort();
	check_line(&text);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT;
	struct feed_line line, back;

	check_message((const char *)data, len);
	if (!feed_parse((const char *)data, len, &line))
		return 0;
	feed_write(&text, &line);
	if (text.len == 0 || text.data[text.len - 1] != '\n')
		abort();
	text.data[--text.len] = '\0';
	check_line(&text);
	if (!feed_parse(text.data, text.len, &back) ||
	    !str_eq(line.ts, back.ts) || !str_eq(line.type, back.type) ||
	    !str_eq(line.agent, back.agent) ||
	    !str_eq(line.target, back.target) ||
	    !str_eq(line.preview, back.preview))
		abort();
	buf_free(&text);
	return 0;
}
