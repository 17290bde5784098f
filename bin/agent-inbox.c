/* agent-inbox - the messages of an agent: list, read, answer, search. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "argv.h"
#include "ask.h"
#include "drain.h"
#include "inbox.h"
#include "lookup.h"
#include "mem.h"
#include "proc.h"
#include "prog.h"
#include "sender.h"
#include "setup.h"
#include "str.h"
#include "waiting.h"

static const char usage[] =
    "usage: agent-inbox [list] [-jw] [-n N] [-a ADDRESS]\n"
    "       agent-inbox read [-j] [-a ADDRESS] [ID]\n"
    "       agent-inbox ack [-a ADDRESS] [ID...]\n"
    "       agent-inbox reply [-jq] [-a ADDRESS] ID BODY\n"
    "       agent-inbox get [-j] [-a ADDRESS] ID\n"
    "       agent-inbox await [-j] [-t TIME] [-a ADDRESS] ID\n"
    "       agent-inbox queue [list] [-j] [-a ADDRESS]\n"
    "       agent-inbox queue delete [-a ADDRESS] ID...\n"
    "       agent-inbox queue edit [-a ADDRESS] ID BODY\n"
    "       agent-inbox queue first [-a ADDRESS] ID\n"
    "       agent-inbox drain [-t TIME] [-a ADDRESS]\n"
    "       agent-inbox search [-jw] [-n N] [-a ADDRESS] TEXT\n"
    "       agent-inbox thread [-jw] [-n N] [-a ADDRESS] ID|AGENT\n"
    "\n"
    "The messages that the agent in this pane was sent. An id may be cut to\n"
    "four letters or more of its begin.\n";

static const struct prog_option options[] = {
	{ 'a', "agent", "ADDRESS", "another agent of this host" },
	{ 'j', "json", NULL, "print JSON" },
	{ 'n', "count", "N",
	    "at most so many, the newest; 0: all (default 20)" },
	{ 'q', "queue", NULL, "keep an answer until the pane is ready" },
	{ 't', "timeout", "TIME",
	    "await, drain: so long, such as 90s 30m 4h (default 30m)" },
	{ 'w', "waiting", NULL, "only what the pane was not seen to show" },
	{ 0, NULL, NULL, NULL },
};

enum {
	EXITS = 0x3ff, /* an answer may come to any of them */
	COUNT_MAX = 10000000,
	PATIENCE_MAX_S = 30 * 86400,
};

struct request;

/* A command: how many words it takes, and what it does. */
struct command {
	const char *name;
	int fewest, most;
	const char *want;
	int (*run)(const struct registrar *reg, const struct request *q,
	    struct buf *out, struct err *e);
};

/* What the command line asks for. */
struct request {
	const struct command *command;
	struct argv words;
	const char *address; /* of --agent */
	int64_t patience_ms; /* of await, drain; -1: as it is by itself */
	bool queue;          /* of reply */
	struct inbox_view view;
};

static int
run_list(const struct registrar *reg, const struct request *q, struct buf *out,
    struct err *e)
{
	struct inbox_view view = q->view;

	if (str_eq(q->command->name, "search"))
		view.text = q->words.v[0];
	if (str_eq(q->command->name, "thread"))
		view.about = q->words.v[0];
	return inbox_list(reg->home, &view, out, e);
}

static int
run_read(const struct registrar *reg, const struct request *q, struct buf *out,
    struct err *e)
{
	if (q->words.n > 0 && q->words.v[0][0] == '\0')
		return err_set(e, EXIT_UNKNOWN,
		    "read: '' is no message's id; see agent-inbox list");
	return inbox_read(reg->home, q->view.agent,
	    q->words.n > 0 ? q->words.v[0] : "", q->view.json, out, e);
}

static int
run_ack(const struct registrar *reg, const struct request *q, struct buf *out,
    struct err *e)
{
	size_t count;

	if (inbox_ack(reg->home, q->view.agent, &q->words, &count, e) != 0)
		return -1;
	buf_addf(out, "%zu read\n", count);
	return 0;
}

/* notify-pane sends, so it answers too, in our place. */
static int
run_reply(const struct registrar *reg, const struct request *q, struct buf *out,
    struct err *e)
{
	struct argv argv = ARGV_INIT;
	char *program = proc_sibling("notify-pane");

	(void)reg;
	(void)out;
	argv_addl(&argv, program, "--reply", q->words.v[0], NULL);
	if (q->view.json)
		argv_add(&argv, "--json");
	if (q->queue)
		argv_add(&argv, "--queue");
	argv_addl(&argv, "--", q->words.v[1], NULL);
	if (q->address != NULL)
		(void)setenv("AGENT_NAME", q->address, 1);
	(void)proc_exec(&argv, e);
	argv_free(&argv);
	x_free(program);
	return -1;
}

static int
run_answer(const struct registrar *reg, const struct request *q,
    struct buf *out, struct err *e)
{
	uint64_t patience = DRAIN_MS;
	struct ask_view view = { .agent = q->view.agent,
		.id = q->words.v[0],
		.json = q->view.json,
		.wait = str_eq(q->command->name, "await"),
		.patience_ms = q->patience_ms };

	if (view.wait && view.patience_ms < 0) {
		if (prog_env("AGENT_TIMEOUT_MS", 0, PATIENCE_MAX_S * 1000ULL,
			&patience, e) != 0)
			return -1;
		view.patience_ms = (int64_t)patience;
	}
	return ask_answer(reg->home, &view, out, e);
}

static int
queue_edit(const struct registrar *reg, const struct request *q,
    const struct sender *self, struct err *e)
{
	struct buf body = BUF_INIT_MAX(BODY_MAX);
	int rc = prog_text(q->words.v[2], &body, e);

	if (rc == 0)
		rc = waiting_edit(
		    reg, q->view.agent, self, q->words.v[1], &body, e);
	buf_free(&body);
	return rc;
}

/* Words of "queue": what to do, and with what. */
static int
run_queue(const struct registrar *reg, const struct request *q, struct buf *out,
    struct err *e)
{
	const char *what = q->words.n == 0 ? "list" : q->words.v[0];
	struct argv ids = { .v = q->words.v + 1, .n = q->words.n - 1 };
	struct sender self;
	size_t count;
	int rc;

	if (str_eq(what, "list") && q->words.n <= 1)
		return waiting_list(reg->home, &q->view, out, e);
	if (sender_find(&self, reg->home, e) != 0)
		return -1;
	if (str_eq(what, "delete") && q->words.n > 1) {
		rc = waiting_delete(reg, q->view.agent, &self, &ids, &count, e);
		buf_addf(out, "%zu deleted\n", count);
		return rc;
	}
	if (str_eq(what, "edit") && q->words.n == 3)
		return queue_edit(reg, q, &self, e);
	if (str_eq(what, "first") && q->words.n == 2)
		return waiting_first(reg, q->view.agent, ids.v[0], e);
	return err_set(e, EXIT_USAGE,
	    "queue: takes list, delete ID..., edit ID BODY or first ID");
}

/* Nobody reads what a process of its own would print. */
static int
run_drain(const struct registrar *reg, const struct request *q, struct buf *out,
    struct err *e)
{
	int rc = drain(reg, q->view.agent,
	    q->patience_ms < 0 ? DRAIN_MS : q->patience_ms, e);

	if (rc == EXIT_TIMEOUT)
		rc = err_set(e, EXIT_TIMEOUT, "messages wait still");
	(void)out;
	return rc;
}

static const struct command commands[] = {
	{ "list", 0, 0, "no words", run_list },
	{ "read", 0, 1, "one id at most", run_read },
	{ "ack", 0, 100, "ids", run_ack },
	{ "reply", 2, 2, "an id and a text; put the text into quotes",
	    run_reply },
	{ "get", 1, 1, "an id", run_answer },
	{ "await", 1, 1, "an id", run_answer },
	{ "queue", 0, 101, "list, delete ID..., edit ID BODY or first ID",
	    run_queue },
	{ "drain", 0, 0, "no words", run_drain },
	{ "search", 1, 1, "a text", run_list },
	{ "thread", 1, 1, "an id or an agent's address", run_list },
};

static int
words(void *request, int n, char **list, struct err *e)
{
	size_t i, known = sizeof(commands) / sizeof(commands[0]);
	struct request *q = request;
	int k;

	if (n == 0)
		return 0;
	for (i = 0; i < known && !str_eq(list[0], commands[i].name); i++)
		continue;
	if (i == known)
		return err_set(e, EXIT_USAGE,
		    "'%s': is none of: list, read, ack, reply, get, "
		    "await, queue, drain, search, thread",
		    list[0]);
	q->command = &commands[i];
	if (n - 1 < q->command->fewest || n - 1 > q->command->most)
		return err_set(e, EXIT_USAGE, "%s: takes %s; see --help",
		    list[0], q->command->want);
	for (k = 1; k < n; k++)
		argv_add(&q->words, list[k]);
	return 0;
}

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;
	uint64_t number;

	switch (letter) {
	case 'a':
		q->address = value;
		break;
	case 'j':
		q->view.json = true;
		break;
	case 'n':
		if (prog_number("count", "", value, 0, COUNT_MAX, &number, e) !=
		    0)
			return -1;
		q->view.most = (size_t)number;
		break;
	case 'q':
		q->queue = true;
		break;
	case 't':
		return prog_time(
		    "timeout", value, 0, PATIENCE_MAX_S, &q->patience_ms, e);
	case 'w':
		q->view.waiting = true;
		break;
	}
	return 0;
}

/* Whose mailbox: that of --agent, else of the pane we run in. */
static int
find_agent(const struct registrar *reg, const char *address,
    char id[AGENT_ID_MAX + 1], struct err *e)
{
	struct sender self;
	struct agent a;
	bool renamed;
	int rc;

	if (address == NULL) {
		if (sender_find(&self, reg->home, e) != 0)
			return -1;
		if (!self.in_pane)
			return err_set(e, EXIT_UNKNOWN,
			    "no agent's pane: run it in one, or name the agent "
			    "with --agent ADDRESS");
		memcpy(id, self.id, sizeof(self.id));
		return inbox_claim(reg->home, id, self.self, e);
	}
	/* An agent's id is as good as its address. */
	if (agent_id_ok(address) && inbox_there(reg->home, address)) {
		(void)snprintf(id, AGENT_ID_MAX + 1, "%s", address);
		return 0;
	}
	rc = lookup(reg, address, &a, &renamed, e);
	if (rc == 0 && !str_eq(a.host, reg->home->host))
		rc = err_set(e, EXIT_UNKNOWN,
		    "%s: its mailbox is on its own host, %s", a.address,
		    a.host);
	if (rc == 0) {
		memcpy(id, a.id, sizeof(a.id));
		rc = inbox_claim(reg->home, id, a.address, e);
	}
	agent_free(&a);
	return rc;
}

static int
run(void *request, struct err *e)
{
	struct request *q = request;
	struct setup setup = SETUP_INIT;
	const struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles };
	struct buf out = BUF_INIT_MAX(1UL << 30);
	char agent[AGENT_ID_MAX + 1];
	int rc;

	rc = setup_open(&setup, e);
	if (rc == 0 &&
	    (q->command->run == run_drain || q->command->run == run_queue))
		rc = setup_profiles(&setup, e);
	if (rc == 0)
		rc = find_agent(&reg, q->address, agent, e);
	if (rc == 0) {
		q->view.agent = agent;
		rc = q->command->run(&reg, q, &out, e);
	}
	(void)fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
	setup_close(&setup);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "agent-inbox",
		.usage = usage,
		.options = options,
		.exits = EXITS,
		.set = set,
		.words = words,
		.run = run };
	struct request q = { .command = &commands[0],
		.words = ARGV_INIT,
		.patience_ms = -1,
		.view = { .most = INBOX_LIST_MAX } };
	int rc = prog_main(&prog, &q, argc, argv);

	argv_free(&q.words);
	return rc;
}
