/* notify-pane - send a text or a file to the agent in a tmux pane. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "argv.h"
#include "ask.h"
#include "body.h"
#include "check.h"
#include "clock.h"
#include "feed.h"
#include "file.h"
#include "group.h"
#include "json.h"
#include "listing.h"
#include "log.h"
#include "mem.h"
#include "prog.h"
#include "reply.h"
#include "schema.h"
#include "lookup.h"
#include "post.h"
#include "send.h"
#include "setup.h"
#include "str.h"

static const char usage[] =
    "usage: notify-pane [-jnqtuv] [-e TIME] [-w SECONDS] [-f FILE]...\n"
    "                   ADDRESS[,ADDRESS]... [BODY]\n"
    "       notify-pane --ask [-jqtuv] [-e TIME] [-S FILE] [-w SECONDS] "
    "ADDRESS BODY\n"
    "       notify-pane --reply ID [-qtuv] [-w SECONDS] BODY\n"
    "       notify-pane --status ID\n"
    "       notify-pane --list [--json] [-vx] [-p PROJECT]\n"
    "       notify-pane --addresses | --groups\n"
    "       notify-pane --check [--json] [-v] ADDRESS\n"
    "       notify-pane --whoami\n"
    "\n"
    "Send a text or a file to the agent in a tmux pane, and prove it. An "
    "ADDRESS is\nalso @all, or @NAME of a host, session, project or role.\n";

enum {
	EXITS = 0x3ff,
	WAIT_MAX_S = 3600,
	STATUS_GAP = 50, /* recipients in a row of whom nothing is known */
	TTL_MAX_S = 30 * 86400,
	PROGRESS_AFTER_MS = 1000,
	PROGRESS_EVERY_MS = 200,
};

static const struct prog_option options[] = {
	{ 'A', "ask", NULL, "wait for an answer: print the question's id" },
	{ 'a', "addresses", NULL,
	    "all addresses and nothing else, for scripts" },
	{ 'c', "check", NULL,
	    "look whether a message would be taken now, and why" },
	{ 'e', "ttl", "TIME",
	    "with --queue, --ask: not after 90s, 30m, 4h, 2d" },
	{ 'f', "file", "FILE",
	    "drop a copy of FILE for the recipient, and say so" },
	{ 'g', "groups", NULL,
	    "all groups of them likewise: @all, @host:NAME" },
	{ 'j', "json", NULL, "what is printed as JSON" },
	{ 'l', "list", NULL, "all addresses" },
	{ 'p', "project", "NAME", "with --list: only agents of that project" },
	{ 'n', "no-queue", NULL, "refuse where queue = true is set" },
	{ 'q', "queue", NULL, "keep it until the pane is ready" },
	{ 'r', "reply", "ID", "answer a message of agent-inbox" },
	{ 's', "status", "ID",
	    "what became of a message that was queued, or asked" },
	{ 'S', "schema", "FILE", "with --ask: keys and types of the answer" },
	{ 't', "type", NULL, "type at a shell's prompt, which runs it" },
	{ 'u', "urgent", NULL, "also into a running turn" },
	{ 'v', "verbose", NULL, "say more" },
	{ 'w', "wait", "SECONDS", "look again until the pane is ready" },
	{ 'x', "include-explicit", NULL, "with --list: hidden agents too" },
	{ 'W', "whoami", NULL, "the name that messages from here carry" },
	{ 0, NULL, NULL, NULL },
};

/* What the command line asks for. */
struct request {
	int what; /* 0: send; or one of a c g l r s W */
	struct argv files;
	const char *addresses;
	const char *body;    /* NULL: none, "-": stdin */
	const char *id;      /* of --reply, --status */
	const char *project; /* of --list; NULL: all */
	int64_t wait_ms, ttl_ms;
	const char *schema; /* a file; NULL: none */
	bool ask, hidden, json, queue, no_queue, type, urgent, verbose;
};

/* What is left after the options: address and body. */
static int
words(void *request, int n, char **words, struct err *e)
{
	struct request *q = request;
	bool sends = q->what == 0 || q->what == 'r';
	int want = q->what == 0 ? 2 : q->what == 'c' || sends ? 1 : 0;

	if (q->what != 'l' && (q->project != NULL || q->hidden))
		return err_set(e, EXIT_USAGE,
		    "--project, --include-explicit: only with --list");
	if (q->json && strchr("agsW", q->what != 0 ? q->what : '-') != NULL)
		return err_set(e, EXIT_USAGE,
		    "--json: --addresses, --groups, --status and --whoami "
		    "print plain words");
	if (n > want)
		return err_set(e, EXIT_USAGE, "'%s': one word too many%s",
		    words[want], sends ? "; put the body into quotes" : "");
	if (q->what != 'r' && want > 0 && n == 0)
		return err_set(
		    e, EXIT_USAGE, "an address is missing; see --help");
	if (q->what == 'r') {
		q->body = n > 0 ? words[0] : NULL;
	} else {
		q->addresses = n > 0 ? words[0] : NULL;
		q->body = n > 1 ? words[1] : NULL;
	}
	if ((q->ask && q->what != 0) || (q->schema != NULL && !q->ask))
		return err_set(e, EXIT_USAGE,
		    q->ask ? "--ask: takes an address and a question"
			   : "--schema: goes with --ask");
	if (q->ask && q->body == NULL)
		return err_set(e, EXIT_USAGE, "--ask: a question is missing");
	if (sends && q->body == NULL && q->files.n == 0)
		return err_set(e, EXIT_USAGE,
		    "a body is missing: a text, - for standard input, or "
		    "--file");
	return 0;
}

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;
	uint64_t seconds;

	switch (letter) {
	case 'A':
		q->ask = true;
		break;
	case 'S':
		q->schema = value;
		break;
	case 'e':
		return prog_time("ttl", value, 1, TTL_MAX_S, &q->ttl_ms, e);
	case 'f':
		if (value[0] == '\0')
			return err_set(
			    e, EXIT_USAGE, "--file: the file's name is empty");
		argv_add(&q->files, value);
		break;
	case 'j':
		q->json = true;
		break;
	case 'n':
		q->no_queue = true;
		break;
	case 'p':
		q->project = str_eq(value, "*") ? NULL : value;
		break;
	case 'q':
		q->queue = true;
		break;
	case 'r':
	case 's':
		if (value[0] == '\0')
			return err_set(e, EXIT_UNKNOWN,
			    "--status: '' is no message's id; --queue and "
			    "--ask print one");
		q->what = letter;
		q->id = value;
		break;
	case 't':
		q->type = true;
		break;
	case 'u':
		q->urgent = true;
		break;
	case 'v':
		q->verbose = true;
		break;
	case 'x':
		q->hidden = true;
		break;
	case 'w':
		if (prog_number("wait", " of seconds", value, 0, WAIT_MAX_S,
			&seconds, e) != 0)
			return -1;
		q->wait_ms = (int64_t)seconds * 1000;
		break;
	default:
		q->what = letter;
		break;
	}
	return 0;
}

/* "→ address (host[target]): body" and the verdict. */
static void
report(const struct send *s, const struct request *q, const char *address,
    const struct send_result *result)
{
	const struct deliver_verdict *v = &result->verdict;
	struct buf text = BUF_INIT;
	const char *name;
	bool placed = result->to.target[0] != '\0';

	if (result->found && result->renamed)
		log_line("%s: is called %s now",
		    result->asked[0] == '\0' ? address : result->asked,
		    result->to.address);
	/* It may have arrived, and then be answered. */
	if (q->ask && (v->code == EXIT_OK || v->code == EXIT_UNPROVEN))
		(void)printf("%s\n", result->id);
	if (q->ask && v->code == EXIT_OK && !q->verbose)
		return;
	if (v->code != EXIT_OK) {
		name = result->found ? result->to.address : address;
		/* Some reasons begin with the name already. */
		if (str_starts(v->why, name))
			log_line("%s", v->why);
		else
			log_line("%s: %s: %s", name, v->word, v->why);
		if (result->dropped != NULL)
			log_line("but the file arrived: %s", result->dropped);
		return;
	}
	if (result->dropped != NULL)
		buf_adds(&text, result->dropped);
	if (result->dropped != NULL && s->body != NULL)
		buf_adds(&text, ": ");
	if (s->body != NULL)
		(void)body_clean(&text, s->body, s->len, BODY_FOLDED, NULL);
	(void)printf("\u2192 %s (%s%s%s%s): %s\n", result->to.address,
	    result->to.host, placed ? "[" : "", result->to.target,
	    placed ? "]" : "", text.data);
	if (str_eq(v->word, "queued"))
		(void)printf("queued %s\n", result->id);
	else if (q->verbose)
		(void)printf("%s: %s (%u tmux calls, %lld ms, %lld of them "
			     "waiting for the program)\n",
		    v->word, v->why, v->calls, (long long)v->ms,
		    (long long)v->waited);
	else
		(void)printf("%s%s%s\n", v->word, v->forced ? ", forced" : "",
		    v->queued ? ", taken up after the running turn" : "");
	buf_free(&text);
}

/* The agents between commas, each once. */
static int
find_recipients(const char *list, const struct registrar *reg,
    const struct sender *self, struct group *g, struct err *e)
{
	char *copy = x_strdup(list), *word, *rest;
	int rc = 0;

	for (word = strtok_r(copy, ",", &rest); word != NULL && rc == 0;
	     word = strtok_r(NULL, ",", &rest))
		rc = group_add(g, reg->home, self, word, e);
	if (rc == 0 && g->n == 0) {
		(void)err_set(e, EXIT_USAGE, "an address is missing");
		rc = -1;
	}
	x_free(copy);
	return rc;
}

/* A message under way to its recipients. */
struct sending {
	const struct request *q;
	const struct send *s;
	size_t n;           /* recipients */
	enum exit_code all; /* what it comes to */
	struct json *json;  /* NULL: lines for people */
};

/* What became of it at one of them. */
static void
sent(void *arg, const char *address, const struct send_result *result)
{
	struct sending *x = arg;

	if (x->json != NULL)
		send_result_json(x->json, address, result);
	else
		report(x->s, x->q, address, result);
	if (result->verdict.code != EXIT_OK)
		x->all = x->n > 1 ? EXIT_PARTIAL : result->verdict.code;
}

static int
send_to(struct sending *x, const struct group *g, const char *id, struct err *e)
{
	char agent[AGENT_ID_MAX + 1];
	struct send_result result;
	struct send alone = *x->s;

	x->n = g->n;
	if (x->q->what == 'r') {
		if (reply_mailbox(alone.reg, &alone.sender, agent, e) != 0)
			return -1;
		alone.id = id;
		(void)reply(&alone, agent, x->q->id, &result);
		sent(x, x->q->id, &result);
		send_result_free(&result);
		return 0;
	}
	if (x->q->ask) {
		if (g->n != 1)
			return err_set(e, EXIT_USAGE,
			    "--ask: takes one agent, not %zu", g->n);
		alone.id = id;
		(void)ask(&alone, g->v[0].address, &result);
		sent(x, g->v[0].address, &result);
		send_result_free(&result);
		return 0;
	}
	if (g->n != 1) {
		/* One fault of the text is no fault of each recipient. */
		if (alone.body != NULL &&
		    post_check(alone.body, alone.len, e) != 0)
			return -1;
		return group_send(g, x->s, id, sent, x, e);
	}
	alone.id = id;
	(void)send_message(&alone, g->v[0].address, &result);
	sent(x, g->v[0].address, &result);
	send_result_free(&result);
	return 0;
}

/* "build.log  45%" on a terminal, once it takes longer than a second. */
static void
progress(const char *name, int64_t done, int64_t size)
{
	static int64_t begun, shown;
	int64_t now = clock_mono_ms();

	if (begun == 0)
		begun = now;
	if (now - begun < PROGRESS_AFTER_MS ||
	    (now - shown < PROGRESS_EVERY_MS && done < size))
		return;
	shown = now;
	(void)fprintf(stderr, "\r\033[K%.40s %3lld%%%s", name,
	    size == 0 ? 100LL : (long long)(done * 100 / size),
	    done == size ? "\r\033[K" : "");
}

/* What --schema names. */
static int
read_schema(const char *path, struct buf *schema, struct err *e)
{
	struct buf text = BUF_INIT_MAX(65536);
	int rc = -1;

	switch (file_read(path, &text, e)) {
	case FILE_READ:
		rc = schema_read(schema, path, text.data, text.len, e);
		break;
	case FILE_MISSING:
		(void)err_set(e, EXIT_USAGE, "%s: is not there", path);
		break;
	case FILE_FAILED:
		break;
	}
	buf_free(&text);
	return rc;
}

/* A crew's worker and a group: N workers that all tell N others wake everybody
 * all the time. */
static bool
tells_feed(const struct request *q)
{
	const char *worker = getenv("AGENT_CREW_WORKER");

	return q->what == 0 && worker != NULL && str_eq(worker, "1") &&
	    (q->addresses[0] == '@' || strstr(q->addresses, ",@") != NULL);
}

/* What it says goes to the feed, and to nobody. */
static int
tell_feed(const struct send *s, const struct request *q, struct err *e)
{
	struct buf text = BUF_INIT_MAX(2UL * BODY_MAX);
	struct json j = JSON_INIT(&text);
	const char *at;
	int rc = -1;

	for (at = q->addresses; at != NULL; at = strchr(at, ',')) {
		at += at[0] == ',';
		if (at[0] != '@')
			return err_set(e, EXIT_USAGE,
			    "AGENT_CREW_WORKER: a message to a group goes to "
			    "the feed only; send to agents by another one");
	}
	if (s->body == NULL || q->ask || q->files.n > 0)
		return err_set(e, EXIT_USAGE,
		    "AGENT_CREW_WORKER: to a group goes only a text, by the "
		    "feed");
	if (s->len > FEED_PREVIEW_MAX)
		return err_set(e, EXIT_USAGE,
		    "AGENT_CREW_WORKER: the text has %zu bytes, and at most %d "
		    "go to a group, by the feed; put it into a file and name "
		    "that",
		    s->len, FEED_PREVIEW_MAX);
	if (post_check(s->body, s->len, e) != 0 ||
	    feed_append(s->reg->home,
		&(struct feed_event){ .type = "told",
		    .agent = s->sender.name,
		    .target = q->addresses,
		    .preview = s->body },
		e) != 0)
		return -1;
	if (q->json) {
		json_object_begin(&j);
		json_key(&j, "feed");
		json_text(&j, q->addresses);
		json_key(&j, "code");
		json_integer(&j, EXIT_OK);
		json_object_end(&j);
	} else {
		buf_addf(&text, "\u2192 %s (the feed): ", q->addresses);
		(void)body_clean(&text, s->body, s->len, BODY_FOLDED, NULL);
		buf_adds(&text,
		    "\nin the feed only, since AGENT_CREW_WORKER is "
		    "1");
	}
	rc = buf_check(&text, "message", e);
	(void)printf("%s\n", text.data);
	buf_free(&text);
	return rc;
}

static int
do_send(const struct registrar *reg, const struct request *q, struct err *e)
{
	const char *force = getenv("FORCE_SEND");
	struct buf body = BUF_INIT_MAX(BODY_MAX);
	struct group to = GROUP_INIT;
	struct ship ship;
	struct send s = { .reg = reg,
		.ship = &ship,
		.progress = isatty(STDERR_FILENO) ? progress : NULL,
		.files = q->files.v,
		.files_n = q->files.n,
		.wait_ms = q->wait_ms,
		.queue = (q->queue || reg->config->queue) && !q->no_queue,
		.ttl_ms = q->ttl_ms,
		.type = q->type,
		.urgent = q->urgent,
		.force = force != NULL && str_eq(force, "1") };
	struct buf schema = BUF_INIT, text = BUF_INIT;
	struct json json = JSON_INIT(&text);
	struct sending x = { .q = q, .s = &s, .json = q->json ? &json : NULL };
	uint64_t hops = MAIL_HOPS_MAX;
	char id[AGENT_ID_MAX + 1];
	int rc = -1;

	ship_open(&ship, reg->home);
	agent_id_new(id);
	if (prog_env("AGENT_MAX_HOPS", 1, MAIL_HOPS_MAX, &hops, e) != 0 ||
	    (q->schema != NULL && read_schema(q->schema, &schema, e) != 0) ||
	    (q->body != NULL && prog_text(q->body, &body, e) != 0) ||
	    sender_find(&s.sender, reg->home, e) != 0 ||
	    (q->what == 0 &&
		find_recipients(q->addresses, reg, &s.sender, &to, e) != 0))
		goto out;
	sender_branch(&s.sender.card);
	if (q->body != NULL) {
		s.body = body.data;
		s.len = body.len;
	}
	if (q->schema != NULL)
		s.schema = schema.data;
	s.hops_max = (unsigned)hops;
	if (tells_feed(q)) {
		rc = tell_feed(&s, q, e);
		goto out;
	}
	send_json_begin(&json, id);
	rc = send_to(&x, &to, id, e);
	if (rc == 0) {
		send_json_end(&json, x.all);
		rc = (int)x.all;
		if (q->json)
			(void)printf("%s\n", text.data);
	}
out:
	ship_close(&ship);
	group_free(&to);
	buf_free(&body);
	buf_free(&schema);
	buf_free(&text);
	return rc;
}

/* What became of a message to several, a line for each of whom that is known:
 * 0; 1 if it is of none. *code is theirs, or EXIT_PARTIAL. */
static int
status_of_many(const struct registrar *reg, struct ship *ship, const char *id,
    enum exit_code *code)
{
	char one[MAIL_ID_MAX + 1];
	struct deliver_verdict v;
	size_t i, known = 0, missed = 0;

	if (strlen(id) + strlen(".2000") > MAIL_ID_MAX || !mail_id_ok(id))
		return 1;
	for (i = 1; i <= GROUP_MAX && missed < STATUS_GAP; i++) {
		(void)snprintf(one, sizeof(one), "%.21s.%zu", id, i);
		missed++;
		if (send_status(reg->home, ship, one, &v, NULL) != 0)
			continue;
		(void)printf("%s %s: %s\n", one, v.word, v.why);
		*code = known++ == 0 || *code == v.code ? v.code : EXIT_PARTIAL;
		missed = 0;
	}
	return known == 0;
}

static int
do_status(const struct registrar *reg, const struct request *q, struct err *e)
{
	struct deliver_verdict v;
	enum exit_code code = EXIT_OK;
	struct ship ship;
	bool many = false;
	int rc;

	ship_open(&ship, reg->home);
	rc = send_status(reg->home, &ship, q->id, &v, e);
	if (rc != 0 && e->code == EXIT_UNKNOWN)
		many = status_of_many(reg, &ship, q->id, &code) == 0;
	ship_close(&ship);
	if (many)
		return (int)code;
	if (rc != 0)
		return -1;
	if (str_eq(v.word, "queued") && str_eq(v.why, q->id))
		(void)printf("queued\n");
	else
		(void)printf("%s: %s\n", v.word, v.why);
	return (int)v.code;
}

static int
do_whoami(const struct registrar *reg, const struct request *q, struct err *e)
{
	struct sender sender;

	if (sender_find(&sender, reg->home, e) != 0)
		return -1;
	(void)printf("%s%s%s%s\n", sender.name,
	    q->verbose && sender.note != NULL ? " (" : "",
	    q->verbose && sender.note != NULL ? sender.note : "",
	    q->verbose && sender.note != NULL ? ")" : "");
	return EXIT_OK;
}

static int
do_check(const struct registrar *reg, const struct request *q, struct err *e)
{
	struct buf out = BUF_INIT;
	struct sender sender;
	struct ship ship;
	struct agent a;
	bool renamed;
	int rc = -1;

	if (sender_find(&sender, reg->home, e) != 0)
		return -1;
	if (lookup(reg, q->addresses, &a, &renamed, e) != 0)
		goto out;
	if (str_eq(a.host, reg->home->host)) {
		rc = check(reg, a.address,
		    &(struct allow_sender){ sender.self, reg->home->host },
		    q->json, q->verbose, false, &out, NULL, e);
	} else {
		ship_open(&ship, reg->home);
		rc = ship_check(&ship, a.host, a.address, &sender, q->json,
		    q->verbose, &out, NULL, e);
		ship_close(&ship);
	}
	(void)fwrite(out.data, 1, out.len, stdout);
out:
	agent_free(&a);
	buf_free(&out);
	return rc;
}

static int
run(void *request, struct err *e)
{
	const struct request *q = request;
	struct setup setup = SETUP_INIT;
	const struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles };
	const struct listing what = { .as_json = q->json,
		.verbose = q->verbose,
		.hidden = q->hidden,
		.project = q->project };
	bool lists = strchr("agl", q->what != 0 ? q->what : '-') != NULL;
	int rc = -1;

	if ((lists ? setup_open(&setup, e) : setup_open_all(&setup, e)) != 0)
		rc = -1;
	else if (q->what == 'a')
		rc = listing_addresses(&setup.home, stdout, e);
	else if (q->what == 'g')
		rc = listing_groups(&setup.home, stdout, e);
	else if (q->what == 'l')
		rc = listing_print(&setup.home, stdout, &what, e);
	else if (q->what == 'c')
		rc = do_check(&reg, q, e);
	else if (q->what == 's')
		rc = do_status(&reg, q, e);
	else if (q->what == 'W')
		rc = do_whoami(&reg, q, e);
	else
		rc = do_send(&reg, q, e);
	setup_close(&setup);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "notify-pane",
		.usage = usage,
		.options = options,
		.exits = EXITS,
		.set = set,
		.words = words,
		.run = run };
	struct request q = { .what = 0, .files = ARGV_INIT };
	int rc = prog_main(&prog, &q, argc, argv);

	argv_free(&q.files);
	return rc;
}
