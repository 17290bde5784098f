/* sender - who sends: told by the kernel, not by the environment's word. */
#ifndef SENDER_H
#define SENDER_H

#include <stdbool.h>

#include "agent.h"
#include "body.h"
#include "err.h"
#include "home.h"
#include "mail.h"
#include "pane.h"

struct sender {
	char name[BODY_SENDER_MAX + 1];
	/* What the tag says beside the name: NULL for an agent of this host,
	 * "no reply" for a person or script without a pane, "unregistered" for
	 * an $AGENT_NAME that is no agent of this host. Static. */
	const char *note;
	/* Who it is whatever $AGENT_NAME says: the pane's address, else
	 * user@host; what @agent-allow is compared with. */
	char self[BODY_SENDER_MAX + 1];
	bool in_pane; /* we run in a registered pane: `ident`, `id` */
	struct pane_ident ident;
	char id[AGENT_ID_MAX + 1]; /* the pane's agent */
	/* $AGENT_NAME is an agent of this host: its pane. */
	bool is_agent;
	struct pane_ident named;
	struct mail_card card; /* of the agent that it is, or is called */
};

/* What an entry of the book says of an agent. No branch. */
void sender_card(struct mail_card *card, const struct agent *a);

/* Look the branch of the card's folder up: a few system calls. */
void sender_branch(struct mail_card *card);

/*
 * Find out who we are, from this host's slice. The
 * name is $AGENT_NAME if that is set (EXIT_USAGE when it is no name), else the
 * address of the pane we run in, else user@host. The pane is the one whose
 * first process is among our ancestors, a child of the recorded tmux server,
 * or, for a process that left its parents, whose terminal is ours.
 */
int sender_find(struct sender *s, const struct home *home, struct err *e);

#endif
