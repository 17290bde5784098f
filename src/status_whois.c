#include <string.h>

#include "feed.h"
#include "log.h"
#include "lookup.h"
#include "mem.h"
#include "status_parts.h"
#include "str.h"

/* The last events of one agent: a ring. */
struct recent {
	const char *address;
	struct feed_line v[STATUS_EVENTS];
	size_t seen;
};

static int
recent_add(void *arg, const struct feed_line *line)
{
	struct recent *recent = arg;

	if (str_eq(line->agent, recent->address) ||
	    str_eq(line->target, recent->address))
		recent->v[recent->seen++ % STATUS_EVENTS] = *line;
	return 0;
}

static const struct feed_line *
recent_at(const struct recent *recent, size_t i)
{
	size_t first =
	    recent->seen > STATUS_EVENTS ? recent->seen - STATUS_EVENTS : 0;

	return first + i < recent->seen
	    ? &recent->v[(first + i) % STATUS_EVENTS]
	    : NULL;
}

static void
add_line(struct buf *out, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	buf_addf(out, "%-9s ", key);
	log_escape(out, value, strlen(value));
	buf_addc(out, '\n');
}

static void
whois_text(const struct status *s, const struct agent *a,
    const struct presence *now, const struct recent *recent, struct buf *out)
{
	char quiet[STATUS_QUIET_MAX], *place;
	const struct feed_line *line;
	size_t i;

	buf_addf(
	    out, "%s%s\n", a->address, status_is_you(s, a) ? " (you)" : "");
	buf_addf(out, "%-9s %s %s%s%s", "state", presence_sign(now->state),
	    presence_name(now->state), now->quiet_s >= 0 ? ", quiet for " : "",
	    now->quiet_s >= 0 ? status_quiet(quiet, now->quiet_s) : "");
	if (now->reason[0] != '\0') {
		buf_adds(out, ": ");
		log_escape(out, now->reason, strlen(now->reason));
	}
	buf_addc(out, '\n');
	add_line(out, "status", a->status);
	add_line(out, "role", a->role);
	add_line(out, "scope", a->scope);
	add_line(out, "project", a->project);
	add_line(out, "program", a->command);
	add_line(out, "folder", a->path);
	place = x_asprintf("%s[%s]", a->host, a->target);
	add_line(out, "place", place);
	x_free(place);
	for (i = 0; i < a->aliases_n; i++)
		add_line(out, "also", a->aliases[i].name);
	add_line(out, "id", a->id);
	if (status_unread(s->reg->home, a) > 0)
		buf_addf(out, "%-9s %zu\n", "unread",
		    status_unread(s->reg->home, a));
	for (i = 0; (line = recent_at(recent, i)) != NULL; i++) {
		buf_addf(out, "%-9s %s %s ", i == 0 ? "events" : "", line->ts,
		    line->type);
		log_escape(out, line->agent, strlen(line->agent));
		if (line->target[0] != '\0') {
			buf_adds(out, " \u2192 ");
			log_escape(out, line->target, strlen(line->target));
		}
		buf_addc(out, '\n');
	}
}

static void
whois_json(const struct status *s, const struct agent *a,
    const struct presence *now, const struct recent *recent, struct buf *out)
{
	struct json j = JSON_INIT(out);
	const struct feed_line *line;
	size_t i;

	json_object_begin(&j);
	status_json(&j, s, a, now);
	json_key(&j, "aliases");
	json_array_begin(&j);
	for (i = 0; i < a->aliases_n; i++)
		json_text(&j, a->aliases[i].name);
	json_array_end(&j);
	json_key(&j, "events");
	json_array_begin(&j);
	for (i = 0; (line = recent_at(recent, i)) != NULL; i++) {
		json_object_begin(&j);
		json_key(&j, "ts");
		json_text(&j, line->ts);
		json_key(&j, "type");
		json_text(&j, line->type);
		json_key(&j, "agent");
		json_text(&j, line->agent);
		json_key(&j, "target");
		json_text(&j, line->target);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	buf_addc(out, '\n');
}

int
status_whois(const struct status *s, const char *name, FILE *to, struct err *e)
{
	struct recent *recent = x_calloc(1, sizeof(*recent));
	struct feed feed = { .fd = -1, .watch = -1 };
	struct buf out = BUF_INIT;
	struct presence now;
	struct agent a;
	bool renamed;
	struct err why;
	int rc = -1;

	if (lookup(s->reg, name, &a, &renamed, e) != 0)
		goto out;
	rc = EXIT_OK;
	if (status_ask(s, &a, &now, &why) != 0) {
		rc = (int)why.code;
		log_line("%s: %s", a.host, why.msg);
	}
	recent->address = a.address;
	if (feed_open(&feed, s->reg->home, false, recent_add, recent, &why) !=
	    0)
		log_line("%s", why.msg);
	feed_close(&feed);
	if (s->as_json)
		whois_json(s, &a, &now, recent, &out);
	else
		whois_text(s, &a, &now, recent, &out);
	(void)fwrite(out.data, 1, out.len, to);
out:
	agent_free(&a);
	buf_free(&out);
	x_free(recent);
	return rc;
}
