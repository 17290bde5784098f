/* exit - the exit codes that every program of the suite shares. */
#ifndef EXIT_H
#define EXIT_H

/*
 * One row a code: symbol, value, name in --json output, sentence for --help.
 * The man pages carry the same sentences; tests/docs.sh compares them.
 */
/* clang-format off */
#define EXIT_TABLE(X)                                                          \
	X(EXIT_OK,        0, "ok",        "done; for a message: delivered")    \
	X(EXIT_USAGE,     1, "usage",     "wrong usage")                       \
	X(EXIT_UNKNOWN,   2, "unknown",   "unknown or ambiguous agent")        \
	X(EXIT_NOT_READY, 3, "not-ready", "recipient not ready, nothing typed")\
	X(EXIT_WIRE,      4, "wire",      "ssh or tmux failure, or no route")  \
	X(EXIT_UNPROVEN,  5, "unproven",                                       \
	    "typed but not seen submitted, or indeterminate")                  \
	X(EXIT_PARTIAL,   6, "partial",   "some recipients failed")            \
	X(EXIT_REFUSED,   7, "refused",   "refused by policy")                 \
	X(EXIT_TIMEOUT,   8, "timeout",   "timed out waiting")                 \
	X(EXIT_LOCAL,     9, "local",                                          \
	    "local failure: file, configuration, memory or permission")
/* clang-format on */

enum exit_code {
#define X(symbol, value, name, sentence) symbol = value,
	EXIT_TABLE(X)
#undef X
};

/* The short name of a code, as --json prints it; "?" for an unknown value. */
const char *exit_name(enum exit_code code);

/* The sentence of a code; "?" for an unknown value. */
const char *exit_sentence(enum exit_code code);

/*
 * The EXIT STATUS part of a --help text: one indented line a code, for the
 * codes whose bits (1 << code) are set in `mask`. Static storage, valid until
 * the next call.
 */
const char *exit_help(unsigned mask);

#endif
