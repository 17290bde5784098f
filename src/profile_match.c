/* Recognition: whose process, whose script, whose title. */
#include "profile.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "path.h"
#include "str.h"
#include "utf8.h"

/* U+283F stands for any braille character: no program's spinner shows it. */
#define SPINNER "\xe2\xa0\xbf"

#define AT(member) offsetof(struct profile, member)

/* Programs that run another program's script. */
static const char *const interpreters[] = { "node", "nodejs", "bun", "deno",
	"python", "python2*", "python3*", "pypy*", "ruby", "perl", "MainThread",
	"npm", "npm exec*", "npx", "uv", "uvx", "tsx", NULL };

/* Options that take the next word as their argument. */
static const char *const argument_options[] = { "--rcfile", "--init-file", "-O",
	"+O", "-o", "+o", "-C", "--init-command", "-r", "--require", "--import",
	"--loader", "-W", "-X", "-I", NULL };

static bool
in_list(const char *const *list, const char *word)
{
	for (; *list != NULL; list++) {
		if (str_glob(*list, word))
			return true;
	}
	return false;
}

bool
profile_match(const char *pattern, const char *text)
{
	uint32_t ch;
	size_t n;

	/* Nearly all fail here, and a scan asks about every pane. */
	if (pattern[0] != text[0] && pattern[0] != '*' &&
	    pattern[0] != SPINNER[0])
		return false;
	if (!str_starts(pattern, SPINNER))
		return str_glob(pattern, text);
	n = utf8_decode(text, strlen(text), &ch);
	if (n == 0 || ch <= 0x2800 || ch > 0x28ff)
		return false;
	return str_glob(pattern + strlen(SPINNER), text + n);
}

const char *
profile_match_any(const struct argv *patterns, const char *text)
{
	size_t i;

	for (i = 0; i < patterns->n; i++) {
		if (profile_match(patterns->v[i], text))
			return patterns->v[i];
	}
	return NULL;
}

/* The user's own stand last, and are asked first. */
static const struct profile *
by_words(const struct profile_set *set, size_t list, const char *word,
    bool agents_only)
{
	const struct profile *p;
	size_t i;

	if (word[0] == '\0')
		return NULL;
	for (i = set->n; i > 0; i--) {
		p = &set->v[i - 1];
		if (agents_only && p->kind != PROFILE_AGENT)
			continue;
		if (profile_match_any(
			(const void *)((const char *)p + list), word) != NULL)
			return p;
	}
	return NULL;
}

/* What one process turned out to be. */
struct match {
	const struct profile *profile;
	bool interpreter;
	char *word; /* what matched */
};

/*
 * The script among the words of a command line: the first that is no option;
 * after -m the module. *code: there is none, but code on the command line.
 */
static const char *
find_script(const struct argv *words, bool *code)
{
	size_t i;

	*code = false;
	for (i = 1; i < words->n; i++) {
		const char *w = words->v[i];

		if (str_eq(w, "-m") && i + 1 < words->n)
			return words->v[i + 1];
		if (str_eq(w, "-c") || str_eq(w, "-e") || str_eq(w, "-p") ||
		    str_eq(w, "--eval") || str_eq(w, "-lc") ||
		    str_eq(w, "-ic")) {
			*code = true;
			return NULL;
		}
		if (in_list(argument_options, w)) {
			i++;
			continue;
		}
		if (str_eq(w, "exec") || str_eq(w, "run") || str_eq(w, "tool"))
			continue; /* npm exec, bun run, uv tool run */
		if (w[0] != '-' && w[0] != '+')
			return w;
	}
	return NULL;
}

static void
split_words(const char *line, struct argv *out)
{
	char *copy = x_strdup(line), *rest = copy, *word;

	while ((word = strsep(&rest, " ")) != NULL) {
		if (word[0] != '\0')
			argv_add(out, word);
	}
	x_free(copy);
}

bool
profile_veiled(const struct profile_clues *clues)
{
	const struct ps_list *fg = clues->foreground;
	const char *line, *first = "", *script;
	struct argv words = ARGV_INIT;
	bool code = false, veiled;

	if (fg == NULL || fg->n == 0)
		return clues->command != NULL &&
		    in_list(interpreters, clues->command);
	line = clues->lines != NULL && clues->lines->n > 0 ? clues->lines->v[0]
							   : "";
	split_words(line, &words);
	script = find_script(&words, &code);
	if (words.n > 0)
		first = path_base(words.v[0]);
	veiled = script == NULL && !code &&
	    (in_list(interpreters, fg->v[0].comm) ||
		in_list(interpreters, first));
	argv_free(&words);
	return veiled;
}

const struct profile *
profile_by_title(const struct profile_set *set, const char *title)
{
	return title == NULL ? NULL : by_words(set, AT(titles), title, true);
}

static void
match_process(const struct profile_set *set, const char *comm, const char *line,
    struct match *m)
{
	struct argv words = ARGV_INIT;
	const char *first = "", *script = NULL;
	bool code = false, named = false;

	*m = (struct match){ .profile = NULL };
	split_words(line, &words);
	if (words.n > 0) {
		first = path_base(words.v[0]);
		first += first[0] == '-'; /* a login shell */
		script = find_script(&words, &code);
	}
	m->interpreter =
	    in_list(interpreters, comm) || in_list(interpreters, first);
	if (m->interpreter && script != NULL) {
		m->profile =
		    by_words(set, AT(scripts), path_base(script), false);
		if (m->profile == NULL)
			m->profile = by_words(set, AT(scripts), script, false);
		m->word = x_strdup(script);
		named = m->profile != NULL;
	}
	if (m->profile == NULL) {
		X_CLEAR(m->word);
		m->profile = by_words(set, AT(commands), comm, false);
		m->word = x_strdup(comm);
	}
	if (m->profile == NULL && first[0] != '\0') {
		X_CLEAR(m->word);
		m->profile = by_words(set, AT(commands), first, false);
		m->word = x_strdup(first);
	}
	/* bash that runs a script, node that runs a program. */
	if (m->profile != NULL && !named && (script != NULL || code) &&
	    (m->profile->kind == PROFILE_SHELL ||
		(m->profile->kind == PROFILE_REPL && m->interpreter)))
		m->profile = NULL;
	argv_free(&words);
}

static const struct profile *
found(const struct match *m, const char *how, char *why, size_t why_size)
{
	if (why != NULL)
		(void)snprintf(why, why_size, "%s '%.80s' is %s", how,
		    m->word == NULL ? "" : m->word, m->profile->name);
	return m->profile;
}

/*
 * The one process that a leader nobody knows has started and waits for: a
 * script or a launcher stands before what reads the terminal. SIZE_MAX when
 * there are several, as in a pipeline.
 */
static size_t
only_leaf(const struct ps_list *fg)
{
	size_t i, k, leaf = SIZE_MAX;

	for (i = 1; i < fg->n; i++) {
		for (k = 0; k < fg->n; k++) {
			if (k != i && !fg->v[k].piped &&
			    fg->v[k].ppid == fg->v[i].pid)
				break;
		}
		if (k < fg->n || fg->v[i].piped)
			continue; /* not the one that reads */
		if (leaf != SIZE_MAX)
			return SIZE_MAX;
		leaf = i;
	}
	return leaf;
}

static const struct profile *
by_group(const struct profile_set *set, const struct profile_clues *clues,
    bool *interpreter, char *why, size_t why_size)
{
	const struct ps_list *fg = clues->foreground;
	const struct profile *result = NULL;
	struct match *m = x_calloc(fg->n, sizeof(*m));
	size_t i, leaf;

	for (i = 0; i < fg->n; i++) {
		match_process(set, fg->v[i].comm,
		    clues->lines != NULL && i < clues->lines->n
			? clues->lines->v[i]
			: "",
		    &m[i]);
		*interpreter |= m[i].interpreter;
	}
	for (i = 0; i < fg->n && result == NULL; i++) {
		if (m[i].profile != NULL && !fg->v[i].piped &&
		    m[i].profile->kind == PROFILE_AGENT)
			result = found(&m[i], "process", why, why_size);
	}
	/* A shell that has a picker open (fzf reads names from a pipe) is not
	 * at its prompt, though both are of one group. */
	for (i = 1; i < fg->n && result == NULL && m[0].profile != NULL; i++) {
		if (m[0].profile->kind == PROFILE_SHELL &&
		    m[i].profile != NULL && m[i].profile->kind == PROFILE_MODAL)
			result = found(
			    &m[i], "process in the foreground", why, why_size);
	}
	if (result == NULL && fg->n > 0 && m[0].profile != NULL)
		result = found(&m[0], "process", why, why_size);
	for (i = 1; i < fg->n && result == NULL; i++) {
		if (m[i].profile != NULL &&
		    (m[i].profile->kind == PROFILE_MODAL ||
			m[i].profile->kind == PROFILE_REMOTE))
			result = found(
			    &m[i], "process in the foreground", why, why_size);
	}
	leaf = result == NULL ? only_leaf(fg) : SIZE_MAX;
	if (leaf != SIZE_MAX && m[leaf].profile != NULL)
		result = found(
		    &m[leaf], "started by a script, process", why, why_size);
	for (i = 0; i < fg->n; i++)
		x_free(m[i].word);
	x_free(m);
	return result;
}

const struct profile *
profile_recognise(const struct profile_set *set,
    const struct profile_clues *clues, char *why, size_t why_size)
{
	const struct profile *p;
	struct match m;
	bool interpreter = false;

	if (why != NULL && why_size > 0)
		why[0] = '\0';
	if (clues->foreground != NULL && clues->foreground->n > 0) {
		p = by_group(set, clues, &interpreter, why, why_size);
		if (p != NULL)
			return p;
	} else if (clues->command != NULL && clues->command[0] != '\0') {
		match_process(set, clues->command, "", &m);
		p = m.profile == NULL ? NULL
				      : found(&m, "command", why, why_size);
		interpreter = m.interpreter;
		x_free(m.word);
		/* A bare "node" is its REPL or any program: ask the title. */
		if (p != NULL && !m.interpreter)
			return p;
		m.profile = p;
		p = profile_by_title(set, clues->title);
		if (p == NULL)
			return m.profile;
	}
	p = interpreter ? profile_by_title(set, clues->title) : NULL;
	if (p != NULL && why != NULL)
		(void)snprintf(why, why_size,
		    "an interpreter with the title '%.80s' is %s", clues->title,
		    p->name);
	return p;
}
