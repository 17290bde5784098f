#include "sender.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include "project.h"
#include "ps.h"
#include "slice.h"
#include "str.h"

enum { SENDER_ANCESTORS_MAX = 64 };

/* Our process, its parent, and so on: at most SENDER_ANCESTORS_MAX. */
static size_t
sender_ancestors(struct ps *v)
{
	pid_t pid = getpid();
	size_t n = 0;

	while (n < SENDER_ANCESTORS_MAX && pid > 1 && ps_read(pid, &v[n]) == 0)
		pid = v[n++].ppid;
	return n;
}

/* Is `a`'s pane the one we run in, by ancestry? */
static bool
sender_descends(const struct agent *a, const struct ps *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].pid == a->ident.pane_pid &&
		    v[i].ppid == a->ident.server_pid)
			return true;
	return false;
}

/* The same by terminal, where the recorded process still has one. */
static bool
sender_shares_tty(const struct agent *a, unsigned tty)
{
	struct ps first;

	return tty != 0 && a->ident.pane_pid > 0 &&
	    ps_read((pid_t)a->ident.pane_pid, &first) == 0 &&
	    first.tty == tty && first.ppid == a->ident.server_pid;
}

/* Of two entries for one pane the window's is the better name. */
static void
sender_choose(const struct agent **best, const struct agent *a)
{
	if (*best == NULL || ((*best)->of != NULL && a->of == NULL))
		*best = a;
}

static const struct agent *
sender_pane(const struct home *home, const struct agent_list *own)
{
	struct ps ancestors[SENDER_ANCESTORS_MAX];
	const struct agent *best = NULL;
	size_t n = sender_ancestors(ancestors), i;
	unsigned tty = ps_own_tty();

	for (i = 0; i < own->n; i++)
		if (str_eq(own->v[i].host, home->host) &&
		    sender_descends(&own->v[i], ancestors, n))
			sender_choose(&best, &own->v[i]);
	for (i = 0; i < own->n && best == NULL; i++)
		if (str_eq(own->v[i].host, home->host) &&
		    sender_shares_tty(&own->v[i], tty))
			sender_choose(&best, &own->v[i]);
	return best;
}

/* The agent of which `name` is the address or a living alias; NULL: none. */
static const struct agent *
sender_known(const struct agent_list *own, const char *name)
{
	int64_t now = clock_real_ms();
	size_t i;

	for (i = 0; i < own->n; i++)
		if (str_eq(own->v[i].address, name) ||
		    agent_has_alias(&own->v[i], name, now))
			return &own->v[i];
	return NULL;
}

/* user@host, with only what a name may hold. */
static void
sender_person(struct sender *s, const char *host)
{
	const struct passwd *pw = getpwuid(geteuid());
	size_t i;

	if (pw != NULL)
		(void)snprintf(s->name, sizeof(s->name), "%.64s", pw->pw_name);
	else
		(void)snprintf(
		    s->name, sizeof(s->name), "uid%u", (unsigned)geteuid());
	for (i = 0; s->name[i] != '\0'; i++)
		if (!((s->name[i] >= 'a' && s->name[i] <= 'z') ||
			(s->name[i] >= 'A' && s->name[i] <= 'Z') ||
			(s->name[i] >= '0' && s->name[i] <= '9') ||
			s->name[i] == '_' ||
			(i > 0 && (s->name[i] == '-' || s->name[i] == '.'))))
			s->name[i] = '_';
	(void)snprintf(
	    s->name + i, sizeof(s->name) - i, "@%.*s", HOST_MAX, host);
	s->note = "no reply";
}

/* This host's entries as they stand; a slice that does not parse has none, and
 * is the business of whoever looks an address up or writes it. */
static int
sender_slice(struct slice *own, const struct home *home, struct err *e)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	int rc = 0;

	switch (file_read_ours(home->local, &text, e)) {
	case FILE_READ:
		(void)slice_parse(own, home->local, text.data, text.len, NULL);
		break;
	case FILE_MISSING:
		break;
	case FILE_FAILED:
		rc = -1;
		break;
	}
	buf_free(&text);
	return rc;
}

/* $AGENT_NAME, checked. */
static int
sender_named(struct sender *s, const char *name, const struct agent_list *own,
    struct err *e)
{
	const struct agent *a;

	if (!body_sender_ok(name))
		return err_set(e, EXIT_USAGE,
		    "AGENT_NAME: '%.200s' is no name: letters, digits "
		    "and ._@+- (not first: . -), at most %d bytes",
		    name, BODY_SENDER_MAX);
	memcpy(s->name, name, strlen(name) + 1);
	a = sender_known(own, name);
	s->note = a == NULL ? "unregistered" : NULL;
	s->is_agent = a != NULL;
	if (a != NULL)
		s->named = a->ident;
	s->card = (struct mail_card){ .project = "" };
	if (a != NULL)
		sender_card(&s->card, a);
	return 0;
}

void
sender_card(struct mail_card *card, const struct agent *a)
{
	*card = (struct mail_card){ .project = "" };
	mail_card_set(card->project, sizeof(card->project), a->project);
	mail_card_set(card->program, sizeof(card->program),
	    a->known[0] != '\0' ? a->known : a->command);
	mail_card_set(card->directory, sizeof(card->directory), a->path);
}

void
sender_branch(struct mail_card *card)
{
	struct argv slow = ARGV_INIT;
	char *branch;

	if (card->directory[0] == '\0')
		return;
	project_mounts(&slow);
	branch = project_branch(card->directory, &slow);
	if (branch != NULL)
		mail_card_set(card->branch, sizeof(card->branch), branch);
	x_free(branch);
	argv_free(&slow);
}

int
sender_find(struct sender *s, const struct home *home, struct err *e)
{
	const char *name = getenv("AGENT_NAME");
	struct slice own = SLICE_INIT;
	const struct agent *pane;
	int rc = -1;

	memset(s, 0, sizeof(*s));
	if (sender_slice(&own, home, e) != 0)
		goto out;
	rc = 0;
	pane = sender_pane(home, &own.agents);
	if (pane != NULL) {
		s->in_pane = true;
		s->ident = pane->ident;
		memcpy(s->id, pane->id, sizeof(s->id));
		(void)snprintf(s->name, sizeof(s->name), "%s", pane->address);
		sender_card(&s->card, pane);
	} else {
		sender_person(s, home->host);
	}
	memcpy(s->self, s->name, sizeof(s->self));
	if (name != NULL && name[0] != '\0')
		rc = sender_named(s, name, &own.agents, e);
out:
	slice_free(&own);
	return rc;
}
