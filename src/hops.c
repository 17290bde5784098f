#include "hops.h"

#include <stdio.h>
#include <string.h>

int
hops_add(struct hops *h, const char *host, const char *id)
{
	if (h->n == HOPS_MAX || !str_host_ok(host) ||
	    strlen(id) != HOPS_ID_LEN ||
	    strspn(id, "0123456789abcdef") != HOPS_ID_LEN)
		return -1;
	memcpy(h->v[h->n].host, host, strlen(host) + 1);
	memcpy(h->v[h->n].id, id, HOPS_ID_LEN + 1);
	h->n++;
	return 0;
}

int
hops_read(struct hops *h, const char *text)
{
	char word[HOST_MAX + 1 + HOPS_ID_LEN + 1], *dot;
	size_t len;

	memset(h, 0, sizeof(*h));
	while (*text != '\0') {
		len = strcspn(text, " ");
		if (len >= sizeof(word))
			return -1;
		memcpy(word, text, len);
		word[len] = '\0';
		dot = strchr(word, '.');
		if (dot == NULL)
			return -1;
		*dot = '\0';
		if (hops_add(h, word, dot + 1) != 0)
			return -1;
		text += len;
		/* Neither two blanks nor one at the end. */
		if (*text == ' ' && *++text == '\0')
			return -1;
	}
	return 0;
}

bool
hops_text_ok(const char *text)
{
	struct hops h;

	return hops_read(&h, text) == 0 && h.n > 0;
}

bool
hops_has(const struct hops *h, const char *host)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (str_eq(h->v[i].host, host))
			return true;
	return false;
}

void
hops_write(char out[HOPS_TEXT_MAX + 1], const struct hops *h)
{
	size_t i, at = 0;

	out[0] = '\0';
	for (i = 0; i < h->n; i++)
		at += (size_t)snprintf(out + at, HOPS_TEXT_MAX + 1 - at,
		    "%s%s.%s", i == 0 ? "" : " ", h->v[i].host, h->v[i].id);
}
