#include "killed.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "path.h"
#include "ring.h"
#include "str.h"

struct sweep {
	const struct home *home;
	const char *ring;
	bool dry_run;
	void (*tell)(void *arg, const char *line);
	void *arg;
};

/* What was known of it, without a file that is not there. */
static char *
known(const struct ring_entry *entry)
{
	char *text = x_strdup(ring_about(entry->text));
	char *file = strstr(text, RING_FILE);

	if (file != NULL && access(file + strlen(RING_FILE), F_OK) != 0)
		*file = '\0';
	return text;
}

static void
tell(const struct sweep *s, const char *line)
{
	int fd = s->dry_run ? -1 : home_log(s->home, "killed", NULL);

	if (fd >= 0) {
		log_to(fd);
		log_line("%s", line);
		log_to(STDERR_FILENO);
		(void)close(fd);
	}
	s->tell(s->arg, line);
}

static void
sweep_one(void *arg, const char *id, const struct ring_entry *entry)
{
	bool started = str_eq(entry->verdict, RING_STARTED);
	const struct sweep *s = arg;
	struct ring_entry mine = { .code =
				       started ? EXIT_UNPROVEN : EXIT_LOCAL };
	struct ring_entry theirs;
	char *about, *line;

	about = known(entry);
	(void)snprintf(mine.verdict, sizeof(mine.verdict), "%s",
	    started ? "indeterminate" : "failed");
	(void)snprintf(mine.text, sizeof(mine.text), "its sender was killed %s",
	    started ? "on the way: it may stand there, typed or shown"
		    : "before anything was typed");
	line = x_asprintf("message %s%s%s: %s: %s", id,
	    about[0] == '\0' ? "" : " ", about, mine.verdict, mine.text);
	/* Another sweep may have been faster. */
	if (s->dry_run ||
	    ring_claim(s->ring, id, entry, &mine, &theirs, NULL) == 1)
		tell(s, line);
	x_free(line);
	x_free(about);
}

int
killed_sweep(const struct home *home, bool dry_run,
    void (*tell_it)(void *arg, const char *line), void *arg, struct err *e)
{
	char *ring = path_join(home->run, "verdicts");
	struct sweep s = { home, ring, dry_run, tell_it, arg };
	int rc = ring_killed(ring, sweep_one, &s, e);

	x_free(ring);
	return rc;
}
