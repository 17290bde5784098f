#include "exit.h"

#include <stdio.h>
#include <string.h>

const char *
exit_name(enum exit_code code)
{
	switch (code) {
#define X(symbol, value, name, sentence) \
	case symbol:                     \
		return name;
		EXIT_TABLE(X)
#undef X
	}
	return "?";
}

const char *
exit_sentence(enum exit_code code)
{
	switch (code) {
#define X(symbol, value, name, sentence) \
	case symbol:                     \
		return sentence;
		EXIT_TABLE(X)
#undef X
	}
	return "?";
}

const char *
exit_help(unsigned mask)
{
	static char text[1024];
	size_t len = 0;
	int n;

	text[0] = '\0';
#define X(symbol, value, name, sentence)                                   \
	if (mask & (1U << (value))) {                                      \
		n = snprintf(text + len, sizeof(text) - len, "  %d  %s\n", \
		    value, sentence);                                      \
		if (n > 0 && (size_t)n < sizeof(text) - len)               \
			len += (size_t)n;                                  \
	}
	EXIT_TABLE(X)
#undef X
	return text;
}
