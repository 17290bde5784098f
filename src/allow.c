#include "allow.h"

#include <stdio.h>
#include <string.h>

#include "str.h"

/* What stands between words: any blank, and commas. */
#define ALLOW_GAPS " \t\r\n\v\f,"

enum { ALLOW_SHOWN = 300 }; /* bytes of a value that a refusal repeats */

static bool
allow_word(const char *word, const struct allow_sender *from)
{
	if (word[0] == '@')
		return word[1] != '\0' && from->host != NULL &&
		    str_glob(word + 1, from->host);
	return from->name != NULL && from->name[0] != '\0' &&
	    str_glob(word, from->name);
}

/* Its words, a blank between them, as far as there is room. */
static void
allow_show(char *out, size_t size, const char *list)
{
	size_t len = 0, n;

	for (list += strspn(list, ALLOW_GAPS); *list != '\0';
	     list += n, list += strspn(list, ALLOW_GAPS)) {
		n = strcspn(list, ALLOW_GAPS);
		if (len + n + 5 >= size) {
			(void)snprintf(out + len, size - len, " ...");
			return;
		}
		(void)snprintf(out + len, size - len, "%s%.*s",
		    len == 0 ? "" : " ", (int)n, list);
		len += strlen(out + len);
	}
	if (len == 0)
		(void)snprintf(out, size, "nobody");
}

int
allow_check(const char *list, const struct allow_sender *from, struct err *e)
{
	char copy[ALLOW_MAX + 1], shown[ALLOW_SHOWN], *word, *rest;
	bool known = from->name != NULL && from->name[0] != '\0';

	if (list == NULL || list[0] == '\0')
		return 0;
	if (strlen(list) > ALLOW_MAX)
		return err_set(e, EXIT_REFUSED,
		    "nobody may send there: its @agent-allow is longer than "
		    "%d bytes",
		    ALLOW_MAX);
	memcpy(copy, list, strlen(list) + 1);
	for (word = strtok_r(copy, ALLOW_GAPS, &rest); word != NULL;
	     word = strtok_r(NULL, ALLOW_GAPS, &rest))
		if (allow_word(word, from))
			return 0;
	allow_show(shown, sizeof(shown), list);
	return err_set(e, EXIT_REFUSED,
	    "%.200s%s%.64s%s may not send there; its @agent-allow has: %s",
	    known ? from->name : "a sender whose name is not verified",
	    known || from->host == NULL ? "" : ", from host ",
	    known || from->host == NULL ? "" : from->host,
	    known || from->host == NULL ? "" : ",", shown);
}
