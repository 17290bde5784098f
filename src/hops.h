/* hops - the hosts that handed a message on, first the one it began at. Bytes
 * <-> values. */
#ifndef HOPS_H
#define HOPS_H

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

enum {
	HOPS_MAX = 5,     /* hosts that hand one message on */
	HOPS_ID_LEN = 16, /* hex digits of a host id */
	HOPS_TEXT_MAX = HOPS_MAX * (HOST_MAX + 1 + HOPS_ID_LEN + 1),
};

struct hop {
	char host[HOST_MAX + 1];
	char id[HOPS_ID_LEN + 1];
};

struct hops {
	struct hop v[HOPS_MAX];
	size_t n;
};

/* Read "HOST.HOST-ID HOST.HOST-ID ...", a blank between two; "" is none. -1
 * where it is anything else, or more than HOPS_MAX. */
int hops_read(struct hops *h, const char *text);

/* Would hops_read() take it, and as at least one? */
bool hops_text_ok(const char *text);

/* Is a host of that name among them? */
bool hops_has(const struct hops *h, const char *host);

/* Put one behind the others: -1 where HOPS_MAX are there, or a part is none. */
int hops_add(struct hops *h, const char *host, const char *id);

/* As text. */
void hops_write(char out[HOPS_TEXT_MAX + 1], const struct hops *h);

#endif
