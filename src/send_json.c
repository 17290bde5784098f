#include "send.h"

static void
result_key(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_text(j, value);
}

void
send_json_begin(struct json *j, const char *id)
{
	json_object_begin(j);
	result_key(j, "id", id);
	json_key(j, "recipients");
	json_array_begin(j);
}

void
send_result_json(
    struct json *j, const char *asked, const struct send_result *result)
{
	const struct deliver_verdict *v = &result->verdict;

	json_object_begin(j);
	result_key(j, "asked", asked);
	result_key(j, "address", result->found ? result->to.address : NULL);
	result_key(j, "host", result->found ? result->to.host : NULL);
	result_key(j, "target", result->found ? result->to.target : NULL);
	result_key(j, "id", result->id);
	json_key(j, "code");
	json_integer(j, v->code);
	result_key(j, "status", exit_name(v->code));
	result_key(j, "verdict", v->word);
	result_key(j, "reason", v->why);
	json_key(j, "forced");
	json_boolean(j, v->forced);
	json_key(j, "after_turn");
	json_boolean(j, v->queued);
	result_key(j, "dropped", result->dropped);
	json_key(j, "ms");
	json_integer(j, v->ms);
	json_key(j, "waited_ms");
	json_integer(j, v->waited);
	json_key(j, "tmux_calls");
	json_integer(j, v->calls);
	json_object_end(j);
}

void
send_json_end(struct json *j, enum exit_code code)
{
	json_array_end(j);
	json_key(j, "code");
	json_integer(j, code);
	result_key(j, "status", exit_name(code));
	json_object_end(j);
}
