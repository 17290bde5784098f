#include "ship_parts.h"

#include <stdio.h>
#include <string.h>

#include "body.h"
#include "mem.h"
#include "str.h"

/* The far end's words, as far as we know them. */
static const char *
ship_word(const char *word)
{
	static const char *const words[] = { "submitted", "shown", "refused",
		"unsubmitted", "indeterminate", "queued", "read", "expired",
		"deleted" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(word, words[i]))
			return words[i];
	return "failed";
}

void
ship_verdict(const struct frame *f, struct agent *to, bool *renamed,
    char **dropped, struct deliver_verdict *v)
{
	struct buf why = BUF_INIT;
	const char *value;

	memset(v, 0, sizeof(*v));
	v->code =
	    (enum exit_code)frame_number(f, "Code", EXIT_LOCAL, EXIT_UNPROVEN);
	v->word = ship_word(frame_get(f, "Verdict", ""));
	/* Beside a word that older versions know. */
	if (v->code == EXIT_OK && str_eq(frame_get(f, "Answered", ""), "1"))
		v->word = "answered";
	v->forced = str_eq(frame_get(f, "Forced", ""), "1");
	v->queued = str_eq(frame_get(f, "Queued", ""), "1");
	v->calls = (unsigned)frame_number(f, "Calls", 1000000, 0);
	v->ms = (int64_t)frame_number(f, "Ms", INT32_MAX, 0);
	v->waited = (int64_t)frame_number(f, "Waited", INT32_MAX, 0);
	/* Only a proof is a success. */
	if (v->code == EXIT_OK && !str_eq(v->word, "submitted") &&
	    !str_eq(v->word, "shown") && !str_eq(v->word, "queued") &&
	    !str_eq(v->word, "read") && !str_eq(v->word, "answered"))
		v->code = EXIT_UNPROVEN;
	body_plain(&why, f->body.data,
	    f->body.len < sizeof(v->why) ? f->body.len : sizeof(v->why) - 1,
	    false);
	(void)snprintf(v->why, sizeof(v->why), "%s", why.data);
	buf_free(&why);
	value = frame_get(f, "Address", "");
	if (str_address_ok(value) && !str_eq(value, to->address)) {
		agent_text(&to->address, value, ADDRESS_MAX);
		*renamed = true;
	}
	value = frame_get(f, "Target", "");
	if (value[0] != '\0')
		agent_text(&to->target, value, AGENT_SHORT_MAX);
	value = frame_get(f, "Dropped", "");
	if (value[0] != '\0')
		*dropped = x_strdup(value);
}

void
ship_presence(const struct frame *f, struct presence *now)
{
	struct buf why = BUF_INIT_MAX(sizeof(now->reason) - 1);
	const char *reason = frame_get(f, "Reason", "");

	*now = (struct presence){
		.state = presence_find(frame_get(f, "Presence", "")),
		.quiet_s = -1,
	};
	if (frame_get(f, "Quiet-S", NULL) != NULL)
		now->quiet_s =
		    (int64_t)frame_number(f, "Quiet-S", INT32_MAX, 0);
	body_plain(&why, reason, strlen(reason), false);
	memcpy(now->reason, why.data, why.len + 1);
	buf_free(&why);
}
