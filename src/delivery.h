/* delivery - what is to be delivered to a pane, and what became of it. */
#ifndef DELIVERY_H
#define DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "allow.h"
#include "err.h"
#include "pane.h"
#include "profile.h"

enum {
	DELIVER_QUIET_MS = 2000,  /* after a person's last key */
	DELIVER_FRESH_MS = 20000, /* a program is just starting for so long */
	DELIVER_LOCK_MS = 20000,  /* for the senders before us at one pane */
	DELIVER_ECHO_MS = 4000,   /* until a program shows what was pasted */
	DELIVER_SLOW_MS = 15000,  /* until it shows any of it */
	DELIVER_SUBMIT_MS = 1500, /* until it takes an Enter */
	DELIVER_GAP_MAX_MS = 250, /* from its showing the text to Enter */
	DELIVER_STEADY_MS = 40,   /* a composer is empty that stays so */
	DELIVER_ENTERS_MAX = 4,   /* one and three more */
	DELIVER_TRIES_MAX = 8,    /* guarded pastes refused by the server */
	DELIVER_WORDS_MAX = ERR_MSG_MAX,
};

/* What is to be delivered, and where. The caller owns all of it. */
struct deliver {
	struct pane_ident ident; /* of the pane */
	const char *id;          /* the message's, ring_id_ok() */
	const char *sender;      /* body_sender_ok() */
	const char *folder;      /* in the inbox, for a body too long to show */
	const char *note;        /* about the sender, or NULL */
	struct allow_sender from; /* for @agent-allow */
	const char *body;         /* raw bytes */
	size_t len;
	const char *tail;  /* put behind it where it is not run; NULL: none */
	bool tail_needed;  /* also where the two are a file and one is not */
	const char *inbox; /* folder for bodies too long to show */
	int64_t inbox_max; /* bytes */
	const char *ring;  /* file of verdicts; NULL: not recorded */
	const struct profile_set *profiles;
	bool wanted; /* its recipient asked for it: @agent-allow counts not */
	bool repeat; /* the id came from outside: it may have been seen */
	bool ask;    /* only tell what became of the id, deliver nothing */
	int64_t wait_ms; /* how long to wait until the pane is ready */
	/* How to nap while waiting: at most `ms`, false to give up (refused,
	 * EXIT_TIMEOUT). NULL: by sleeping. */
	bool (*nap)(void *arg, int64_t ms);
	void *nap_arg;
	/* Asked while another process has the id: true to wait no longer, since
	 * what became of it is known elsewhere (indeterminate). NULL: never. */
	bool (*known)(void *arg);
	void *known_arg;
	/* Keep it, before the first byte may leave; -1: it could not be, so
	 * nothing is typed (failed, with e's code). Called again where the
	 * server refused the paste. NULL: it need not be. */
	int (*keep)(void *arg, struct err *e);
	void *keep_arg;
	/* Asked before the first byte may leave; false: it was changed or taken
	 * away (refused, EXIT_NOT_READY). If true, called once more with
	 * `recorded`, when the ring has it as begun. NULL: not asked. */
	bool (*begin)(void *arg, bool recorded);
	void *begin_arg;
	/* Who waits for the verdict, our parent: once it has ended nothing is
	 * begun any more (failed, EXIT_WIRE). 0: nobody in particular. */
	pid_t parent;
	bool type;   /* type at a shell's prompt, do not show */
	bool urgent; /* also where it goes into a running turn */
	bool force;  /* FORCE_SEND: typed, busy and unknown do not count */
};

/*
 * What became of it. `word` is the verdict: submitted, shown, refused,
 * unsubmitted (typed, no Enter or none was taken), indeterminate, failed.
 * `why` is the evidence or the reason, for a person.
 */
struct deliver_verdict {
	enum exit_code code;
	const char *word;
	char why[DELIVER_WORDS_MAX];
	bool forced;
	bool queued;    /* the program shows it after its turn */
	bool barred;    /* for good, by @agent-allow say: nor do files stay */
	bool repeated;  /* what an earlier delivery of the id came to */
	unsigned calls; /* tmux calls made */
	int64_t ms;     /* time it took in all */
	int64_t waited; /* of that, waiting: until the program was ready, showed
			 * what it was given, and took it */
};

#endif
