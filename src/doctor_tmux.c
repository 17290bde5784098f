/* tmux: the program and its configuration. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_parts.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "register_hooks.h"
#include "str.h"

enum {
	CONF_MAX = 1024 * 1024, /* bytes of a tmux.conf */
	CONF_DEPTH = 5,         /* of source-file */
	CONF_WORD_MAX = 1024,
	SERVER_MIN = 302, /* tmux 3.2 */
};

/* ---- the program ---- */

/* 302 of "tmux 3.2a", "next-3.2" or "3.2"; 0: none of these. */
static int
version_number(const char *text)
{
	char *end;
	long major, minor;

	text += strcspn(text, "0123456789");
	major = strtol(text, &end, 10);
	if (end == text || *end != '.')
		return 0;
	minor = strtol(end + 1, NULL, 10);
	return (int)(major * 100 + minor);
}

char *
doctor_tmux_version(const char *bin)
{
	struct buf out = BUF_INIT_MAX(CONF_WORD_MAX);
	struct argv argv = ARGV_INIT;
	struct proc p = {
		.argv = &argv, .out = &out, .timeout_ms = DOCTOR_CALL_MS
	};
	char *version = NULL;

	argv_addl(&argv, bin, "-V", NULL);
	if (proc_run(&p, NULL) == 0 && p.status == 0) {
		out.data[strcspn(out.data, "\n")] = '\0';
		/* What stands before it is the name it was called by. */
		version = strrchr(out.data, ' ');
		version = x_strdup(version == NULL ? out.data : version + 1);
	}
	argv_free(&argv);
	buf_free(&out);
	return version;
}

void
doctor_look_tmux(struct doctor *d)
{
	const char *bin = doctor_tmux();
	char *version = doctor_tmux_version(bin), *other, *words;

	if (version != NULL && version_number(version) >= SERVER_MIN) {
		doctor_ok(d, bin, "version %s", version);
		x_free(version);
		return;
	}
	if (version == NULL)
		doctor_bad(
		    d, bin, "cannot be run; tmux 3.2 or later is needed");
	else
		doctor_bad(
		    d, bin, "version %s; 3.2 or later is needed", version);
	x_free(version);
	other = str_eq(bin, "tmux") ? NULL : doctor_tmux_version("tmux");
	if (other != NULL && version_number(other) >= SERVER_MIN)
		doctor_mend(d, "unset TMUX_BIN");
	else {
		words = doctor_package(DOCTOR_TMUX);
		doctor_mend(d, "%s", words);
		x_free(words);
	}
	x_free(other);
}

/* ---- its configuration ---- */

/* Where our file is loaded. */
struct conf {
	char *home;
	char *first; /* the first file of the user's that exists */
	bool found;  /* a file that is there */
	char *stale; /* a file that names one that is not there */
	long line;   /* which of its lines */
	char *named; /* that name */
	char *old;   /* a file with hooks of the bash agent-mesh */
	char *local; /* the file for its user's lines of an "Oh my tmux!" */
};

/* The word at `s`, without quotes, with ~ and $HOME replaced; malloc'd. */
static char *
conf_word(const struct conf *c, const char *s)
{
	char word[CONF_WORD_MAX], quote = '\0';
	size_t n = 0;

	for (; *s != '\0' && n + 1 < sizeof(word); s++) {
		if (quote == '\0' && (*s == '"' || *s == '\''))
			quote = *s;
		else if (*s == quote && quote != '\0')
			quote = '\0';
		else if (quote == '\0' && strchr(" \t;", *s) != NULL)
			break;
		else
			word[n++] = *s;
	}
	word[n] = '\0';
	if (str_starts(word, "~/"))
		return x_asprintf("%s%s", c->home, word + 1);
	if (str_starts(word, "$HOME/"))
		return x_asprintf("%s%s", c->home, word + 5);
	if (str_starts(word, "${HOME}/"))
		return x_asprintf("%s%s", c->home, word + 7);
	return x_strdup(word);
}

static void conf_read(struct conf *c, const char *path, int depth);

/* A line "source-file [-flags] FILE". */
static void
conf_source(
    struct conf *c, const char *path, long number, const char *at, int depth)
{
	glob_t files = { .gl_pathc = 0 };
	char *name;
	size_t i;

	at += strcspn(at, " \t");
	for (;;) {
		at += strspn(at, " \t");
		if (*at != '-')
			break;
		at += strcspn(at, " \t");
	}
	name = conf_word(c, at);
	if (str_eq(path_base(name), "panemesh.tmux.conf")) {
		if (access(name, R_OK) == 0) {
			c->found = true;
		} else if (c->stale == NULL) {
			c->stale = x_strdup(path);
			c->named = x_strdup(name);
			c->line = number;
		}
	} else if (depth > 1 && name[0] == '/' &&
	    glob(name, 0, NULL, &files) == 0) {
		for (i = 0; i < files.gl_pathc && i < DOCTOR_LIST_MAX; i++)
			conf_read(c, files.gl_pathv[i], depth - 1);
		globfree(&files);
	}
	x_free(name);
}

static void
conf_read(struct conf *c, const char *path, int depth)
{
	struct buf text = BUF_INIT_MAX(CONF_MAX);
	char *line, *next, *local = NULL;
	long number = 0;

	if (file_read(path, &text, NULL) != FILE_READ)
		goto out;
	if (strstr(text.data, "TMUX_CONF_LOCAL") != NULL)
		local = x_asprintf("%s.local", path);
	for (line = text.data; line != NULL && *line != '\0'; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		number++;
		line += strspn(line, " \t");
		if (*line == '#')
			continue;
		if (str_starts(line, "source"))
			conf_source(c, path, number, line, depth);
		else if (strstr(line, "panemesh.tmux.conf") != NULL)
			c->found = true; /* inside an if-shell or the like */
		if ((strstr(line, "agent-register-hook on") != NULL ||
			strstr(line, "agent-register-hook off") != NULL) &&
		    c->old == NULL)
			c->old = x_strdup(path);
	}
	if (local != NULL && c->local == NULL && depth > 1) {
		c->local = x_strdup(local);
		conf_read(c, local, depth - 1);
	}
out:
	x_free(local);
	buf_free(&text);
}

/* All files that tmux reads when it starts. */
static void
conf_find(struct conf *c)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	char *files[4] = { x_strdup("/etc/tmux.conf"),
		path_join(c->home, ".tmux.conf"),
		x_asprintf("%s/tmux/tmux.conf", xdg == NULL ? "" : xdg),
		path_join(c->home, ".config/tmux/tmux.conf") };
	size_t i;

	for (i = 0; i < 4; i++) {
		if (access(files[i], R_OK) == 0) {
			conf_read(c, files[i], CONF_DEPTH);
			if (i > 0 && c->first == NULL)
				c->first = x_strdup(files[i]);
		}
		x_free(files[i]);
	}
	if (c->first == NULL)
		c->first = path_join(c->home, ".tmux.conf");
}

static void
conf_say(struct doctor *d, struct conf *c, const char *hooks)
{
	char *shown = path_show(c->first), *line;

	/* tmux expands ~ and $ in a word without quotes; '...' is literal. */
	line = x_asprintf("source-file -q '%s'", hooks);
	if (c->stale != NULL) {
		doctor_bad(d, shown,
		    "names %s, which is not there: the next tmux server gets "
		    "no hooks",
		    c->named);
		/* c: that line becomes ours. */
		doctor_mend_sed(d, c->stale, "%ldc\\%s", c->line, line);
	} else if (!c->found) {
		doctor_bad(d, shown,
		    "does not load %s: the next tmux server gets no hooks",
		    hooks);
		if (c->local == NULL)
			doctor_mend(
			    d, "printf '%%s\\n' %w >>%w", line, c->first);
		else if (access(c->local, F_OK) != 0)
			doctor_mend(
			    d, "printf '%%s\\n' %w >%w", line, c->local);
		else /* not at its end: sh runs what stands there */
			doctor_mend_sed(d, c->local, "1a\\%s", line);
	} else {
		doctor_ok(d, shown, "loads our hooks");
	}
	if (c->old != NULL) {
		doctor_note(d, shown,
		    "also sets the hooks of the bash agent-mesh, in place of "
		    "others of that name");
		doctor_mend_sed(d, c->old,
		    "/agent-register-hook on/d; /agent-register-hook off/d");
	}
	x_free(line);
	x_free(shown);
}

void
doctor_look_tmux_conf(struct doctor *d)
{
	struct conf c = { .home = path_home(NULL) };
	struct err e;
	char *hooks = register_hooks_file(&e);

	if (c.home == NULL)
		goto out;
	if (hooks == NULL) {
		doctor_bad(d, "panemesh.tmux.conf",
		    "is not there, beside the programs or in share/panemesh; "
		    "install panemesh again");
		doctor_mend_again(d);
		goto out;
	}
	conf_find(&c);
	conf_say(d, &c, hooks);
out:
	x_free(hooks);
	x_free(c.home);
	x_free(c.first);
	x_free(c.stale);
	x_free(c.named);
	x_free(c.old);
	x_free(c.local);
}
