#include "sync_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "argv.h"
#include "clock.h"
#include "mem.h"
#include "slice.h"
#include "str.h"

/* Read the local.toml of a peer that has no agent-serve. */
int
talk_read_slice(struct sync *s, struct talk *t, struct err *e)
{
	char *program = proc_sibling("agent-link");
	struct argv argv = ARGV_INIT;
	int rc;

	buf_init(&t->text, SLICE_SIZE_MAX);
	buf_init(&t->complaints, SYNC_SAID_MAX);
	argv_addl(&argv, program, "--slice", "-t", NULL);
	argv_addf(&argv, "%d", (s->options->connect_ms + 999) / 1000);
	if (t->peer->unlisted)
		argv_add(&argv, "-u");
	argv_addl(&argv, "--", t->peer->alias, NULL);
	rc = proc_start(&t->child, &argv, e);
	argv_free(&argv);
	x_free(program);
	t->stage = TALK_SLICE;
	return rc;
}

/* All of its local.toml is here. */
static int
talk_slice_ends(struct sync *s, struct talk *t, struct err *e)
{
	int status = link_status(&t->child);
	const char *host = t->contact.host;
	struct slice slice = SLICE_INIT;
	const char *line;
	int rc = 0;

	while (t->complaints.len > 0 &&
	    t->complaints.data[t->complaints.len - 1] == '\n')
		buf_truncate(&t->complaints, t->complaints.len - 1);
	line = strrchr(t->complaints.data, '\n');
	line = line == NULL ? t->complaints.data : line + 1;
	if (str_starts(line, "agent-link: "))
		line += strlen("agent-link: ");
	if (status == EXIT_REFUSED)
		t->contact.held = contact_keys(s->home, t->peer);
	if (status != EXIT_OK) {
		(void)err_set(e, EXIT_WIRE, "%s",
		    line[0] != '\0' ? line
				    : "has neither agent-serve nor "
				      "~/.agents/local.toml; install "
				      "panemesh there");
		return err_prefix(e, "%s", t->peer->alias);
	}
	if (!t->contact.bash || host[0] == '\0') {
		/* Seen for the first time: it is who its slice says. */
		if (slice_parse(&slice, t->peer->alias, t->text.data,
			t->text.len, NULL) == 0 &&
		    slice.host[0] != '\0')
			(void)snprintf(t->contact.host, sizeof(t->contact.host),
			    "%s", slice.host);
		else if (strlen(t->peer->alias) <= HOST_MAX &&
		    str_host_ok(t->peer->alias))
			(void)snprintf(t->contact.host, sizeof(t->contact.host),
			    "%s", t->peer->alias);
		slice_free(&slice);
	}
	if (buf_check(&t->text, t->peer->alias, e) != 0)
		rc = -1;
	else if (host[0] != '\0')
		rc = talk_take(s, t, host, t->text.data, t->text.len, e);
	t->result.answered = true;
	t->contact.bash = true;
	t->contact.version[0] = '\0';
	t->contact.answered = clock_real_ms();
	return rc == 0 ? 1 : -1;
}

int
talk_slice(struct sync *s, struct talk *t, struct err *e)
{
	ssize_t n;

	do {
		n = buf_read_fd(&t->complaints, t->child.err, SYNC_SAID_MAX);
	} while (n > 0 || (n < 0 && errno == EINTR));
	do {
		n = buf_read_fd(&t->text, t->child.out, 65536);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n == 0 || errno != EAGAIN)
		return talk_slice_ends(s, t, e);
	return 0;
}
