#include "deliver_run.h"

#include <string.h>

#include "clock.h"
#include "show.h"
#include "tty.h"

enum {
	DELIVER_SHOW_MS = 1000, /* for a stopped terminal to go on */
	DELIVER_HISTORY = 100,  /* rows of history searched for proof */
	DELIVER_PROOF = 20,     /* rows of a message that are the proof */
};

/* Are `rows` to be found in the pane, its last rows of history included? The
 * first alone would be no proof: in a narrow pane it is the sender's name, as
 * in every message of his. */
static bool
run_seen(struct run *r, const char *rows)
{
	struct buf out = BUF_INIT_MAX(TMUX_OUT_MAX);
	struct argv args = ARGV_INIT;
	bool seen = false;

	argv_addl(&args, "capture-pane", "-p", "-t", r->d->ident.pane, NULL);
	argv_addf(&args, "-S-%d", DELIVER_HISTORY);
	r->v->calls++;
	if (tmux_call(&r->tmux, &args, NULL, 0, &out, NULL) == TMUX_OK)
		seen = strstr(out.data, rows) != NULL;
	argv_free(&args);
	buf_free(&out);
	return seen;
}

enum exit_code
run_show(struct run *r)
{
	int64_t begun = clock_mono_ms(), deadline, nap = DELIVER_NAP_MIN_MS;
	int64_t napped;
	struct buf bytes = BUF_INIT, rows = BUF_INIT;
	enum exit_code code;
	struct err e;
	size_t done;

	if (tty_number(r->tty) != r->facts.tty_number) {
		code = run_verdict(r, EXIT_UNKNOWN, "failed",
		    "%s: is another terminal now", r->facts.tty);
		goto out;
	}
	(void)show_bytes(&bytes, r->text.data, r->text.len, r->facts.width,
	    r->ready.prompt_rows);
	if (tty_write(r->tty, bytes.data, bytes.len, DELIVER_SHOW_MS, &done,
		&e) != 0) {
		code = run_verdict(r, e.code,
		    e.code == EXIT_NOT_READY ? "refused" : "indeterminate",
		    "%s", e.msg);
		goto out;
	}
	show_rows(
	    &rows, r->text.data, r->text.len, r->facts.width, DELIVER_PROOF);
	deadline = clock_deadline(DELIVER_SHOW_MS);
	while (!run_seen(r, rows.data)) {
		if (clock_left(deadline) == 0) {
			code = run_verdict(r, EXIT_UNPROVEN, "indeterminate",
			    "it was written to the terminal, but is not seen "
			    "there");
			goto out;
		}
		napped = clock_mono_ms();
		clock_nap(nap, deadline);
		r->v->waited += clock_mono_ms() - napped;
		nap = run_next_nap(nap);
	}
	code =
	    run_verdict(r, EXIT_OK, "shown", "above the prompt, after %lld ms",
		(long long)(clock_mono_ms() - begun));
out:
	buf_free(&bytes);
	buf_free(&rows);
	return code;
}
