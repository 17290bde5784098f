/* Any bytes make a screen, and any screen a verdict: nothing is read out of
 * bounds, and what screen_text() gives back reads as the same text again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "screen.h"

enum { HEAD = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const programs[] = { "claude", "codex", "gemini", "qwen",
	"opencode", "copilot", "pi", "aider", "bash", "zsh", "dash", "python3",
	"redis-cli", "cat", "frob", "ssh" };

/* The text of a row, parsed as a screen of its own, is that text. */
static void
check_text(const struct screen *s, unsigned row)
{
	struct buf text = BUF_INIT, again = BUF_INIT;
	struct screen one;

	screen_text(s, row, 0, s->cols, false, &text);
	if (screen_parse(&one, text.data, text.len, s->cols, 1, NULL) != 0)
		abort();
	screen_text(&one, 0, 0, s->cols, false, &again);
	if (again.len != text.len ||
	    memcmp(again.data, text.data, text.len) != 0)
		abort();
	screen_free(&one);
	buf_free(&text);
	buf_free(&again);
}

static void
check_verdict(struct pane_facts *f, const struct screen *s)
{
	static struct profile_set set;
	struct buf text = BUF_INIT;
	struct readiness r;
	unsigned i;

	if (set.n == 0 && profile_set_load(&set, NULL, NULL) != 0)
		abort();
	if (classify(f, s, &set, &r) != 0 || r.reason[0] == '\0' ||
	    r.state >= CLASSIFY_STATES)
		abort();
	classify_composer_text(s, &r, &text);
	(void)classify_composer_holds(s, &r, text.data, text.len);
	if (r.state == CLASSIFY_IDLE && !r.composer_empty)
		abort();
	for (i = 0; r.guard[i] != '\0'; i++) {
		if (strchr("#{},'", r.guard[i]) != NULL)
			abort();
	}
	classify_free(&r);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pane_facts f;
	struct screen s;
	unsigned row;

	if (len < HEAD)
		return 0;
	memset(&f, 0, sizeof(f));
	f.width = data[0] % 130;
	f.height = data[1] % 50;
	f.cursor_x = data[2] % 140;
	f.cursor_y = data[3] % 50;
	f.modes_tty = (struct tty_modes){ (data[4] & 1) == 0,
		(data[4] & 2) != 0, (data[4] & 4) != 0, true };
	f.cursor_shown = (data[4] & 8) == 0;
	f.alternate = (data[4] & 16) != 0;
	f.reading = (enum ps_reading)(data[5] % 3);
	(void)stpncpy(f.command, programs[data[6] % 16], 63);
	if (data[7] % 4 == 1)
		(void)stpncpy(f.profile, "lines", 63);
	if (screen_parse(&s, (const char *)data + HEAD, len - HEAD, f.width,
		f.height, NULL) == 0) {
		for (row = 0; row < s.rows; row++)
			check_text(&s, row);
		check_verdict(&f, &s);
	}
	screen_free(&s);
	return 0;
}
