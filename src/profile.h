/* profile - what is known of the programs people run in panes, as data: how
 * they are recognised, how their composer looks, how they take a message. The
 * format of the files is panemesh-profile(5). */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "argv.h"
#include "err.h"
#include "ps.h"

enum {
	PROFILE_SIZE_MAX = 64 * 1024, /* bytes of one file */
	PROFILE_COUNT_MAX = 512,      /* profiles in a set */
	PROFILE_WORDS_MAX = 256,      /* patterns in one list */
	PROFILE_WORD_MAX = 256,       /* bytes of one pattern */
};

enum profile_kind {
	PROFILE_AGENT, /* an agent's composer: a message is pasted, submitted */
	PROFILE_SHELL, /* runs what is typed: a message is shown above */
	PROFILE_REPL,  /* the same for an interpreter or debugger */
	PROFILE_REMOTE, /* another machine's, user's or server's terminal */
	PROFILE_MODAL,  /* editor, pager, menu: keys are commands */
	PROFILE_LINES,  /* just reads lines */
};

/* Three answers a profile can give; absent is PROFILE_UNKNOWN. */
enum profile_answer { PROFILE_UNKNOWN, PROFILE_NO, PROFILE_YES };

/* What surrounds the composer. */
enum profile_frame {
	PROFILE_FRAME_NONE, /* nothing: the glyph alone tells */
	PROFILE_FRAME_RULE, /* a drawn line above and below */
	PROFILE_FRAME_BAR,  /* the glyph begins every row */
};

/* What a message that is submitted while the program works comes to. */
enum profile_busy {
	PROFILE_BUSY_LOSES,  /* lost, or nobody knows: refuse */
	PROFILE_BUSY_QUEUES, /* kept until the turn ends: deliver, say so */
	PROFILE_BUSY_TAKES,  /* goes into the running turn: only if urgent */
};

/*
 * One program. Lists of patterns are globs (`*` only) unless said otherwise; a
 * pattern that begins with U+283F (a full braille cell) matches any one
 * braille character there: spinners. Strings are never NULL.
 */
struct profile {
	char *name;
	char *label;  /* for people: "Claude Code" */
	char *origin; /* "built in" or the file it came from */
	enum profile_kind kind;

	/* Recognition. */
	struct argv commands; /* process name, first word's basename */
	struct argv scripts;  /* an interpreter's script: basename or path */
	struct argv titles;   /* pane title, beside an interpreter only */
	struct argv screens;  /* rows of the screen, the same */

	/* The composer of an agent. */
	enum profile_frame frame;
	struct argv glyphs;       /* literal; what stands before the text */
	struct argv shell_glyphs; /* literal; text would be a command */
	int indent;               /* the glyph's column; -1: any */
	unsigned column;          /* text begins this far after the glyph */
	unsigned status_rows;     /* rows above the frame that tell of work */
	bool cursor_drawn;        /* a reverse cell, not the terminal's */
	bool ghost_dim;           /* dim text is not the person's */
	bool ghost_grey;          /* nor grey text */
	struct argv placeholders; /* literal; shown while it is empty */
	bool suggests;            /* it shows what to say next, too */
	bool fields_alike;      /* only the placeholder tells it from fields */
	struct argv collapsed;  /* how a long paste is shown */
	struct argv idle_words; /* rows: one must show, if any is named */

	/* Work and dialogs; rows without their outer blanks. */
	struct argv busy_titles;
	struct argv busy_words;
	bool busy_needs_title; /* nothing else tells of all work */
	struct argv modal_titles;
	struct argv modal_words;
	bool modal_cursor; /* a hidden cursor means a dialog */

	/* The prompt of a shell, REPL or reader of lines. */
	struct argv prompts;      /* whole prompts with their blank: ">>> " */
	struct argv prompt_ends;  /* literal; last character of a prompt */
	struct argv prompt_heads; /* literal; an end that also begins one */
	struct argv command_rows; /* its row while keys are commands (vi) */
	struct argv continuation; /* prompts of an unfinished entry */
	bool edited_blanks;       /* writes blanks only over what it erases */
	bool no_prompt;           /* shows none: an empty row is its prompt */
	bool cooked;              /* has no line editor: reads a cooked tty */

	/* Delivery. */
	enum profile_answer paste; /* takes bracketed paste */
	unsigned paste_ms;         /* between a paste and Enter */
	unsigned settle_ms;        /* of rest before a paste, while it starts */
	char *command_chars;       /* first characters that are commands */
	char *completion_chars;    /* `@`: in a last word, they open a menu */
	size_t inline_bytes;       /* longer goes into a file; 0: default */
	size_t inline_lines;
	enum profile_busy busy;
	bool enter_interrupts; /* Enter while it works stops the work */
};

/* All profiles, the user's own first. */
struct profile_set {
	struct profile *v;
	size_t n;
	size_t cap;
};

/* A shipped profile, put into the programs by profiles/embed.sh: its name and
 * its text. The array ends with a NULL name. */
struct profile_source {
	const char *name;
	const char *text;
};

extern const struct profile_source profile_sources[];

/*
 * Load the shipped profiles and, over them, every *.toml in `user_dir` (NULL
 * or no such folder: none); a file's name without .toml is the program's, and
 * replaces the shipped one of that name whole. -1 with EXIT_LOCAL and
 * "file:line: reason" for the first that is wrong; the set then holds what was
 * read before it. Free with profile_set_free() in any case.
 */
int profile_set_load(
    struct profile_set *set, const char *user_dir, struct err *e);
/* The same, of the shipped ones only what tells which program runs: for
 * profile_recognise() and what it looks at, at half the time. */
int profile_set_load_part(
    struct profile_set *set, const char *user_dir, struct err *e);
void profile_set_free(struct profile_set *set);

/* Add one profile from `text`, replacing one of its name; `origin` begins the
 * errors. */
int profile_set_add(struct profile_set *set, const char *name,
    const char *origin, const char *text, size_t len, struct err *e);

/* By name; NULL if there is none. */
const struct profile *profile_find(
    const struct profile_set *set, const char *name);

/* The name of a kind, as the files write it. */
const char *profile_kind_name(enum profile_kind kind);

/*
 * What tells which program it is. `lines->v[i]` is the command line of
 * foreground->v[i], as ps_lines() gives it; there may be none. Any may be
 * NULL or empty.
 */
struct profile_clues {
	const struct ps_list *foreground;
	const struct argv *lines;
	const char *command; /* #{pane_current_command} */
	const char *title;
};

/*
 * Which program is in front? An agent anywhere in the foreground group, then
 * the group's leader, then what stands beside it (the pager of a pipeline,
 * git's editor), then the one process that a script or a launcher
 * started. An interpreter (node, python, ...) is known by its script,
 * and when that is unknown by the pane's title. A shell that runs a script is
 * no shell. NULL when nobody is known. *why (may be NULL), at most `why_size`
 * bytes, says which rule fired.
 */
const struct profile *profile_recognise(const struct profile_set *set,
    const struct profile_clues *clues, char *why, size_t why_size);

/*
 * Is an interpreter in front, and nothing tells which script it runs? Then it
 * may be its REPL, or any program whose process forgot its command line.
 */
bool profile_veiled(const struct profile_clues *clues);

/* The agent that sets such a title; NULL if none does. */
const struct profile *profile_by_title(
    const struct profile_set *set, const char *title);

/* Does `pattern` (a glob, maybe with a spinner's mark) match the whole of
 * `text`? */
bool profile_match(const char *pattern, const char *text);

/* The first of `patterns` that matches `text`; NULL if none does. */
const char *profile_match_any(const struct argv *patterns, const char *text);

#endif
