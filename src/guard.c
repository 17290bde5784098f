#include "guard.h"

#include "mem.h"
#include "tmux.h"

void
guard_build(struct buf *out, const struct pane_facts *facts, unsigned parts,
    const char *pattern, unsigned row)
{
	const struct pane_ident *ident = &facts->ident;
	char *people;

	/* A server that was held up leaves out what is left of a format (tmux
	 * 3.7, after 100 ms), and nothing equals nothing: the last word is one
	 * that is never nothing. */
	buf_adds(out, "#{&&:");
	if (pattern != NULL)
		buf_addf(out, "#{&&:#{==:#{C/r:%s},%u},", pattern, row + 1);
	/* One comparison of everything, written side by side. */
	buf_adds(out,
	    "#{==:#{pid} #{start_time} #{pane_id} #{pane_pid} #{window_id} "
	    "#{?pane_dead,1,0}#{?pane_in_mode,1,0}#{?pane_input_off,1,0}"
	    "#{?pane_synchronized,1,0}");
	if (parts & GUARD_CURSOR)
		buf_adds(out,
		    " #{cursor_x} #{cursor_y} #{pane_width} #{pane_height} "
		    "#{?alternate_on,1,0}#{?bracket_paste_flag,1,0}");
	if (parts & GUARD_PEOPLE) {
		people = tmux_people_format(facts->window);
		buf_addf(out, " %s", people);
		x_free(people);
	}
	buf_addf(out, ",%lld %lld %s %lld %s 0000",
	    (long long)ident->server_pid, (long long)ident->server_start,
	    ident->pane, (long long)ident->pane_pid, facts->window);
	if (parts & GUARD_CURSOR)
		buf_addf(out, " %u %u %u %u %d%d", facts->cursor_x,
		    facts->cursor_y, facts->width, facts->height,
		    facts->alternate, facts->bracketed > 0);
	if (parts & GUARD_PEOPLE)
		buf_addf(out, " %s", facts->people);
	buf_adds(out, "}");
	if (pattern != NULL)
		buf_adds(out, "}");
	buf_adds(out, ",#{pid}}");
}
