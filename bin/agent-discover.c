/* agent-discover - look at every tmux server and rebuild the address book. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "drain.h"
#include "json.h"
#include "killed.h"
#include "log.h"
#include "mem.h"
#include "mailbox.h"
#include "presence.h"
#include "prog.h"
#include "register.h"
#include "register_buffers.h"
#include "register_hooks.h"
#include "setup.h"

static const char usage[] =
    "usage: agent-discover [-jnq] [-H FILE]\n"
    "\n"
    "Look at every tmux server of this user, bring the address book up to "
    "date, and\nput missing hooks back.\n";

static const struct prog_option options[] = {
	{ 'H', "hooks", "FILE",
	    "the hooks to source instead of the installed ones" },
	{ 'j', "json", NULL, "what each server came to as JSON" },
	{ 'n', "dry-run", NULL, "say what would be done, change nothing" },
	{ 'q', "quiet", NULL, "print only what needs attention" },
	{ 0, NULL, NULL, NULL },
};

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_WIRE |
	    1U << EXIT_LOCAL
};

/* What the command line asks for, and how it goes. */
struct request {
	const char *hooks;
	bool dry_run, quiet;
	bool as_json;
	struct json *json; /* NULL: lines for people */
	struct err last;   /* of what failed; EXIT_OK: nothing yet */
};

/* What is told of one server. */
struct found {
	struct argv missing, hidden; /* hooks */
	size_t buffers;              /* of killed senders */
};

/* A file that is wrong fails for every server: say it once. */
static void
failed(struct request *q, const struct err *e)
{
	if (strcmp(q->last.msg, e->msg) != 0)
		(void)log_err(e);
	q->last = *e;
}

/* Look at the hooks of one server; put back those that are gone. */
static void
check_hooks(struct request *q, const char *socket, struct found *found)
{
	struct tmux_rows rows = { .v = NULL };
	struct err e = { .code = EXIT_OK };
	char *file = NULL;
	struct tmux t;

	if (tmux_open(&t, socket, &e) != 0 ||
	    register_hooks_missing(&t, &found->missing, &e) != 0) {
		failed(q, &e);
		goto out;
	}
	if (found->missing.n > 0) {
		file = q->hooks != NULL ? x_strdup(q->hooks)
					: register_hooks_file(&e);
		if (file == NULL ||
		    (!q->dry_run && register_hooks_source(&t, file, &e) != 0))
			failed(q, &e);
	}
	if (tmux_scan(&t, &rows, &e) == TMUX_OK)
		(void)register_hooks_hidden(&t, &rows, &found->hidden, &e);
out:
	x_free(file);
	tmux_rows_free(&rows);
}

/* Message bodies that killed senders left behind. */
static void
check_buffers(struct request *q, const char *socket, struct found *found)
{
	struct err e = { .code = EXIT_OK };
	struct tmux t;

	if (tmux_open(&t, socket, &e) != 0 ||
	    register_buffers_sweep(&t, clock_real_ms() / 1000, q->dry_run,
		&found->buffers, &e) != 0)
		failed(q, &e);
}

static void
print_lines(const struct request *q, const char *socket,
    const struct register_result *result, const struct found *found)
{
	size_t i;

	if (!result->server) {
		if (result->changed)
			(void)printf("%s: no server any more: entries %s\n",
			    socket,
			    q->dry_run ? "would be dropped" : "dropped");
		return;
	}
	if (!q->quiet)
		(void)printf("%s: %zu panes, %zu entries, %zu with a known "
			     "agent%s\n",
		    socket, result->panes, result->agents, result->known,
		    !result->changed ? ""
			: q->dry_run ? "; would change"
				     : "; changed");
	if (found->missing.n > 0)
		(void)printf("%s: %zu hooks %s, first %s\n", socket,
		    found->missing.n,
		    q->dry_run ? "are missing" : "were missing: put back",
		    found->missing.v[0]);
	for (i = 0; i < found->hidden.n; i++)
		(void)printf("%s: %s: a hook of its own hides ours; put that "
			     "one into the global table (set-hook -g) "
			     "instead\n",
		    socket, found->hidden.v[i]);
	if (found->buffers > 0)
		(void)printf("%s: %zu buffers of killed senders %s\n", socket,
		    found->buffers,
		    q->dry_run ? "would be deleted" : "deleted");
}

static void
json_words(struct json *j, const char *key, const struct argv *words)
{
	size_t i;

	json_key(j, key);
	json_array_begin(j);
	for (i = 0; i < words->n; i++)
		json_text(j, words->v[i]);
	json_array_end(j);
}

static void
json_count(struct json *j, const char *key, size_t n)
{
	json_key(j, key);
	json_integer(j, (int64_t)n);
}

static void
print_json(struct json *j, const char *socket,
    const struct register_result *result, const struct found *found,
    const struct err *e)
{
	json_object_begin(j);
	json_key(j, "socket");
	json_text(j, socket);
	json_key(j, "error");
	json_text(j, e->code == EXIT_OK ? NULL : e->msg);
	json_key(j, "server");
	json_boolean(j, result->server);
	json_key(j, "changed");
	json_boolean(j, result->changed);
	json_count(j, "panes", result->panes);
	json_count(j, "entries", result->agents);
	json_count(j, "known", result->known);
	json_words(j, "hooks_missing", &found->missing);
	json_words(j, "hooks_hidden", &found->hidden);
	json_count(j, "buffers", found->buffers);
	json_object_end(j);
}

static void
scanned(void *arg, const char *socket, const struct register_result *result,
    const struct err *e)
{
	struct found found = { .missing = ARGV_INIT, .hidden = ARGV_INIT };
	struct request *q = arg;

	if (e->code != EXIT_OK) {
		failed(q, e);
	} else if (result->server) {
		check_hooks(q, socket, &found);
		check_buffers(q, socket, &found);
	}
	if (q->json != NULL)
		print_json(q->json, socket, result, &found, e);
	else if (e->code == EXIT_OK)
		print_lines(q, socket, result, &found);
	argv_free(&found.missing);
	argv_free(&found.hidden);
}

static void
print_killed(void *arg, const char *line)
{
	const struct request *q = arg;

	if (q->json == NULL)
		(void)printf("%s\n", line);
}

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;

	(void)e;
	switch (letter) {
	case 'H':
		q->hooks = value;
		break;
	case 'j':
		q->as_json = true;
		break;
	case 'n':
		q->dry_run = true;
		break;
	case 'q':
		q->quiet = true;
		break;
	}
	return 0;
}

/* Agents that are stuck: told to the feed, once each time. */
static void
notice_stuck(struct request *q, const struct registrar *reg)
{
	struct presence_list list;
	struct err e;

	if (q->dry_run)
		return;
	presence_list(&list, reg->home, reg->config, reg->profiles, true);
	if (presence_notice(reg->home, &list, &e) != 0)
		failed(q, &e);
	presence_list_free(&list);
}

/* Each step would say it of a file of its own. */
static int
check_run(const struct home *home, struct err *e)
{
	struct stat st;

	if (stat(home->run, &st) != 0 || S_ISDIR(st.st_mode))
		return 0;
	return err_set(e, EXIT_LOCAL,
	    "%s: is not a folder; move it away, it is made again", home->run);
}

/* Messages that are long done with. */
static void
sweep_mail(struct request *q, const struct registrar *reg)
{
	struct err e;

	if (!q->dry_run &&
	    mailbox_sweep(
		reg->home, reg->config->mail_keep, clock_real_ms(), &e) != 0)
		failed(q, &e);
}

static int
run(void *request, struct err *e)
{
	struct buf out = BUF_INIT;
	struct json json = JSON_INIT(&out);
	struct setup setup = SETUP_INIT;
	struct request *q = request;
	struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles,
		.dry_run = q->dry_run,
		.wait = true };
	int rc;

	rc = setup_open_all(&setup, e);
	if (rc == 0)
		rc = check_run(&setup.home, e);
	if (rc == 0) {
		if (q->as_json) {
			q->json = &json;
			json_array_begin(&json);
		}
		(void)register_all(&reg, scanned, q);
		notice_stuck(q, &reg);
		if (!q->dry_run)
			drain_outboxes(&reg);
		sweep_mail(q, &reg);
		if (q->as_json) {
			json_array_end(&json);
			(void)printf("%s\n", out.data);
		}
		if (killed_sweep(&setup.home, q->dry_run, print_killed, q, e) !=
		    0)
			failed(q, e);
		rc = (int)q->last.code;
	}
	setup_close(&setup);
	buf_free(&out);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "agent-discover",
		.usage = usage,
		.options = options,
		.exits = EXITS,
		.set = set,
		.run = run };
	struct request q = { .last = { .code = EXIT_OK } };

	return prog_main(&prog, &q, argc, argv);
}
