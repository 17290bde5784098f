/*
 * Is what was typed so far a whole entry of a POSIX-like shell? Only asked
 * where a prompt cannot be told from the one for the rest of an entry; not a
 * parser: whatever may want more counts as unfinished.
 */
#include "classify_parts.h"

#include <string.h>

#include "str.h"

/* Words that open something a later word must close. */
static const char *const openers[] = { "for", "while", "until", "if", "case",
	"select", "function", "do", "then", "else", "elif", "[[", "{", "begin",
	"switch", "foreach", "repeat", NULL };

static bool
is_opener(const char *word, size_t len)
{
	size_t i;

	for (i = 0; openers[i] != NULL; i++) {
		if (strlen(openers[i]) == len &&
		    memcmp(openers[i], word, len) == 0)
			return true;
	}
	return false;
}

/* The end asks for more: a pipe, a list operator, an escaped newline. */
static bool
ends_open(const char *text)
{
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == ' ')
		len--;
	return len > 0 && strchr("\\|&(", text[len - 1]) != NULL &&
	    !(text[len - 1] == '&' && (len < 2 || text[len - 2] != '&'));
}

bool
classify_entry_open(const char *text)
{
	const char *p, *word = text;
	int depth = 0;
	char quote = '\0';

	for (p = text;; p++) {
		if (quote == '\0' && (*p == '\0' || strchr(" ;\n|&()", *p))) {
			if (is_opener(word, (size_t)(p - word)))
				return true;
			word = p + 1;
		}
		if (*p == '\0')
			break;
		if (*p == '\\' && quote != '\'' && p[1] != '\0')
			p++;
		else if (quote != '\0')
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"' || *p == '`')
			quote = *p;
		else if (*p == '(' || *p == '{')
			depth++;
		else if (*p == ')' || *p == '}')
			depth--;
		else if (p[0] == '<' && p[1] == '<')
			return true;
	}
	return quote != '\0' || depth > 0 || ends_open(text);
}
