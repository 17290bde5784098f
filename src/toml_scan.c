#include "toml_scan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* Bytes that strings and comments cannot pass without a look. */
static const bool special[256] = {
	[0 ... 8] = true,
	[10 ... 31] = true,
	['"'] = true,
	['\''] = true,
	['\\'] = true,
	[127 ... 255] = true,
};

int
toml_scan_fail(const struct toml_scan *s, const char *at, const char *fmt, ...)
{
	char reason[ERR_MSG_MAX];
	const char *p, *line = s->start;
	size_t lines = 1, column = 1;
	va_list ap;

	for (p = s->start; p < at; p++) {
		if (*p == '\n') {
			lines++;
			line = p + 1;
		}
	}
	for (p = line; p < at; p++)
		column += ((unsigned char)*p & 0xc0) != 0x80;
	va_start(ap, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	return err_set(
	    s->e, EXIT_LOCAL, "%s:%zu:%zu: %s", s->name, lines, column, reason);
}

int
toml_scan_peek(const struct toml_scan *s)
{
	return s->at < s->end ? (unsigned char)*s->at : -1;
}

/* A newline's length at p, 0 if there is none. */
static size_t
newline(const struct toml_scan *s, const char *p)
{
	assert(p != NULL);
	if (p < s->end && *p == '\n')
		return 1;
	return s->end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

/*
 * The length of the character at p, which stands where any character but
 * control ones may; 0 with the error set if it may not.
 */
static size_t
character(const struct toml_scan *s, const char *p)
{
	uint32_t ch;
	size_t n;

	assert(p != NULL);
	n = utf8_decode(p, (size_t)(s->end - p), &ch);
	if (n == 0)
		(void)toml_scan_fail(s, p, "not UTF-8: byte 0x%02x",
		    (unsigned)(unsigned char)*p);
	else if (ch == '\r')
		(void)toml_scan_fail(s, p, "a CR without LF");
	else if ((ch < 0x20 && ch != '\t') || ch == 0x7f)
		(void)toml_scan_fail(
		    s, p, "control character U+%04X", (unsigned)ch);
	else
		return n;
	return 0;
}

int
toml_scan_expected(const struct toml_scan *s, const char *want)
{
	size_t n;

	assert(s->at != NULL);
	if (s->at == s->end)
		return toml_scan_fail(s, s->at,
		    "expected %s, found the end of the document", want);
	if (newline(s, s->at) > 0)
		return toml_scan_fail(
		    s, s->at, "expected %s, found the end of the line", want);
	n = character(s, s->at);
	if (n == 0)
		return -1;
	if (n == 3 && memcmp(s->at, "\xef\xbb\xbf", 3) == 0)
		return toml_scan_fail(s, s->at,
		    "expected %s, found a byte order mark; remove it", want);
	return toml_scan_fail(
	    s, s->at, "expected %s, found '%.*s'", want, (int)n, s->at);
}

void
toml_scan_blanks(struct toml_scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
}

static int
comment(struct toml_scan *s)
{
	const char *p = s->at;
	size_t n;

	for (;;) {
		while (p < s->end && !special[(unsigned char)*p])
			p++;
		if (p == s->end || newline(s, p) > 0)
			break;
		n = character(s, p);
		if (n == 0)
			return -1;
		p += n;
	}
	s->at = p;
	return 0;
}

static bool
past_newline(struct toml_scan *s)
{
	size_t n = newline(s, s->at);

	s->at += n;
	s->line += n > 0;
	return n > 0;
}

int
toml_scan_line_end(struct toml_scan *s)
{
	toml_scan_blanks(s);
	if (toml_scan_peek(s) == '#' && comment(s) != 0)
		return -1;
	if (s->at == s->end || past_newline(s))
		return 0;
	return toml_scan_expected(s, "the end of the line");
}

int
toml_scan_gap(struct toml_scan *s)
{
	do {
		toml_scan_blanks(s);
		if (toml_scan_peek(s) == '#' && comment(s) != 0)
			return -1;
	} while (past_newline(s));
	return 0;
}

/* What is between the quotes of a string. */
struct span {
	const char *from;
	const char *to;
	bool verbatim; /* no escape and no CR in it */
};

/* Past a backslash in a basic string: the pair if a quote or a backslash
 * follows, which must not be taken for an end or a start. */
static size_t
escape_length(const struct toml_scan *s, const char *p)
{
	return s->end - p >= 2 && (p[1] == '"' || p[1] == '\\') ? 2 : 1;
}

static int
span_of_line(struct toml_scan *s, struct span *span)
{
	const char *p = s->at + 1;
	char quote = *s->at;
	size_t n;

	*span = (struct span){ .from = p, .verbatim = true };
	for (;;) {
		while (p < s->end && !special[(unsigned char)*p])
			p++;
		if (p == s->end || newline(s, p) > 0)
			return toml_scan_fail(
			    s, s->at, "the string has no end on its line");
		if (*p == quote)
			break;
		if (*p == '\\' && quote == '"') {
			span->verbatim = false;
			p += escape_length(s, p);
			continue;
		}
		n = character(s, p);
		if (n == 0)
			return -1;
		p += n;
	}
	span->to = p;
	s->at = p + 1;
	return 0;
}

/* How often c stands at p, at most five times: more never belong together. */
static size_t
quotes(const struct toml_scan *s, const char *p, char c)
{
	size_t n = 0;

	while (n < 5 && p + n < s->end && p[n] == c)
		n++;
	return n;
}

static int
span_of_lines(struct toml_scan *s, struct span *span)
{
	const char *start = s->at;
	char quote = *s->at;
	size_t n;

	s->at += 3;
	(void)past_newline(s);
	*span = (struct span){ .from = s->at, .verbatim = true };
	for (;;) {
		while (s->at < s->end && !special[(unsigned char)*s->at])
			s->at++;
		if (s->at == s->end)
			return toml_scan_fail(
			    s, start, "the string has no end");
		if (*s->at == quote) {
			n = quotes(s, s->at, quote);
			s->at += n;
			if (n < 3)
				continue;
			span->to = s->at - 3;
			return 0;
		}
		if (newline(s, s->at) == 2)
			span->verbatim = false;
		if (past_newline(s))
			continue;
		if (*s->at == '\\' && quote == '"') {
			span->verbatim = false;
			s->at += escape_length(s, s->at);
			continue;
		}
		n = character(s, s->at);
		if (n == 0)
			return -1;
		s->at += n;
	}
}

static unsigned
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 99;
}

/* The character of \u or \U, `digits` hexadecimal digits, at p. */
static const char *
unicode(const struct toml_scan *s, const char *p, const char *to, int digits,
    char **out)
{
	uint32_t ch = 0;
	size_t n;
	int i;

	for (i = 0; i < digits; i++) {
		if (p + 2 + i >= to || digit_value(p[2 + i]) > 15) {
			(void)toml_scan_fail(s, p,
			    "\\%c wants %d hexadecimal digits", p[1], digits);
			return NULL;
		}
		ch = ch << 4 | digit_value(p[2 + i]);
	}
	n = utf8_encode(ch, *out);
	if (n == 0) {
		(void)toml_scan_fail(
		    s, p, "U+%04X is no Unicode character", (unsigned)ch);
		return NULL;
	}
	*out += n;
	return p + 2 + digits;
}

/* Past a backslash, a line end and all white space behind; NULL if p is no
 * such thing. */
static const char *
joined(const struct toml_scan *s, const char *p, const char *to)
{
	for (p++; p < to && (*p == ' ' || *p == '\t'); p++)
		;
	if (p >= to || newline(s, p) == 0)
		return NULL;
	while (p < to && (*p == ' ' || *p == '\t' || newline(s, p) > 0))
		p += newline(s, p) == 2 ? 2 : 1;
	return p;
}

/* Decode the escape at p; where it ends, or NULL with the error set. */
static const char *
escape(const struct toml_scan *s, const char *p, const char *to, bool lines,
    char **out)
{
	static const char names[] = "btnfr\"\\";
	static const char means[] = "\b\t\n\f\r\"\\";
	const char *name, *next;

	if (p + 1 < to && p[1] == 'u')
		return unicode(s, p, to, 4, out);
	if (p + 1 < to && p[1] == 'U')
		return unicode(s, p, to, 8, out);
	name = p + 1 < to && p[1] != '\0' ? strchr(names, p[1]) : NULL;
	if (name != NULL) {
		*(*out)++ = means[name - names];
		return p + 2;
	}
	next = lines ? joined(s, p, to) : NULL;
	if (next == NULL)
		(void)toml_scan_fail(s, p,
		    "no such escape; write \\\\ for a backslash, or use '");
	return next;
}

/* The decoded bytes are never more than the bytes of the text. */
static int
decode(const struct toml_scan *s, const struct span *span, bool basic,
    bool lines, const char **out, size_t *len)
{
	const char *p = span->from;
	char *begin, *to;

	if (span->verbatim) {
		*len = (size_t)(span->to - p);
		*out = toml_tree_copy(s->doc, p, *len);
		return 0;
	}
	begin = to = toml_tree_alloc(s->doc, (size_t)(span->to - p) + 1);
	while (p < span->to) {
		if (*p == '\\' && basic) {
			p = escape(s, p, span->to, lines, &to);
			if (p == NULL)
				return -1;
		} else if (*p == '\r') {
			p++; /* CR LF becomes LF; a lone CR was an error */
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
	*out = begin;
	*len = (size_t)(to - begin);
	return 0;
}

int
toml_scan_string(struct toml_scan *s, const char **out, uint32_t *len)
{
	bool basic = *s->at == '"';
	bool lines = quotes(s, s->at, *s->at) >= 3;
	struct span span;
	size_t n;

	if ((lines ? span_of_lines(s, &span) : span_of_line(s, &span)) != 0)
		return -1;
	if (decode(s, &span, basic, lines, out, &n) != 0)
		return -1;
	*len = (uint32_t)n;
	return 0;
}

bool
toml_scan_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '-';
}

int
toml_scan_key(struct toml_scan *s, struct toml_key *key)
{
	int c = toml_scan_peek(s);
	struct span span;

	key->at = s->at;
	if (c == '"' || c == '\'') {
		if (span_of_line(s, &span) != 0)
			return -1;
		key->s = span.from;
		key->len = (size_t)(span.to - span.from);
		return span.verbatim
		    ? 0
		    : decode(s, &span, true, false, &key->s, &key->len);
	}
	while (s->at < s->end && toml_scan_bare(*s->at))
		s->at++;
	key->s = key->at;
	key->len = (size_t)(s->at - key->at);
	return key->len > 0 ? 0 : toml_scan_expected(s, "a key");
}

/*
 * Past digits of a base, with single underscores between them; NULL if p is at
 * none. The number is added up in *value, UINT64_MAX if it is larger.
 */
static const char *
digits(const char *p, const char *end, unsigned base, uint64_t *value)
{
	unsigned d;

	if (p == end || digit_value(*p) >= base)
		return NULL;
	*value = 0;
	for (; p < end; p++) {
		if (*p == '_' && p + 1 < end && digit_value(p[1]) < base)
			p++;
		d = digit_value(*p);
		if (d >= base)
			break;
		if (*value > (UINT64_MAX - d) / base)
			*value = UINT64_MAX;
		else
			*value = *value * base + d;
	}
	return p;
}

static bool
is_float(const char *p, const char *end)
{
	uint64_t ignored;
	const char *q;

	if (p < end && (*p == '+' || *p == '-'))
		p++;
	if (end - p == 3 &&
	    (memcmp(p, "inf", 3) == 0 || memcmp(p, "nan", 3) == 0))
		return true;
	q = digits(p, end, 10, &ignored);
	if (q == NULL || (*p == '0' && q - p > 1))
		return false;
	p = q;
	if (p < end && *p == '.') {
		p = digits(p + 1, end, 10, &ignored);
		if (p == NULL)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = digits(p, end, 10, &ignored);
	}
	return p == end;
}

/* Does p begin as the pattern, where a 'd' stands for any digit? */
static bool
looks_like(const char *p, const char *end, const char *pattern)
{
	for (; *pattern != '\0'; p++, pattern++) {
		if (p >= end)
			return false;
		if (*pattern == 'd' ? digit_value(*p) > 9 : *p != *pattern)
			return false;
	}
	return true;
}

/* Is the two-digit number at p within the bounds? */
static bool
within(const char *p, unsigned min, unsigned max)
{
	unsigned n = digit_value(p[0]) * 10 + digit_value(p[1]);

	return n >= min && n <= max;
}

/* A time with its offset if that may be, up to `end`. */
static bool
is_time(const char *p, const char *end, bool offset)
{
	if (!looks_like(p, end, "dd:dd:dd") || !within(p, 0, 23) ||
	    !within(p + 3, 0, 59) || !within(p + 6, 0, 60))
		return false;
	p += 8;
	if (looks_like(p, end, ".d"))
		for (p += 2; p < end && digit_value(*p) <= 9; p++)
			;
	if (!offset || p == end)
		return p == end;
	if (*p == 'Z' || *p == 'z')
		return p + 1 == end;
	return (*p == '+' || *p == '-') && end - p == 6 &&
	    looks_like(p + 1, end, "dd:dd") && within(p + 1, 0, 23) &&
	    within(p + 4, 0, 59);
}

/* A date, a time or both. How long which month is does not matter for what is
 * not supported anyway. */
static bool
is_date(const char *p, const char *end)
{
	if (is_time(p, end, false))
		return true;
	if (!looks_like(p, end, "dddd-dd-dd") || !within(p + 5, 1, 12) ||
	    !within(p + 8, 1, 31))
		return false;
	p += 10;
	return p == end ||
	    ((*p == 'T' || *p == 't' || *p == ' ') &&
		is_time(p + 1, end, true));
}

/* Where the word at the place reached ends. */
static const char *
word_end(const struct toml_scan *s, const char *p)
{
	while (p < s->end &&
	    (toml_scan_bare(*p) || *p == '+' || *p == '.' || *p == ':'))
		p++;
	return p;
}

static int
no_number(const struct toml_scan *s, const char *end)
{
	const char *p = s->at, *q;
	uint64_t ignored;
	int shown = end - p > 40 ? 40 : (int)(end - p);

	if (is_float(p, end))
		return toml_scan_fail(s, p, "unsupported: float");
	/* a date and a time may have one blank between them */
	q = end;
	if (end - p == 10 && looks_like(end, s->end, " d"))
		q = word_end(s, end + 1);
	if (is_date(p, q))
		return toml_scan_fail(s, p, "unsupported: date or time");
	if (p == end)
		return toml_scan_expected(s, "a value");
	if (*p == '+' || *p == '-')
		p++;
	q = digits(p, end, 10, &ignored);
	if (q == end)
		return toml_scan_fail(s, s->at, "a number begins with a zero");
	return toml_scan_fail(s, s->at, "no value: %.*s%s", shown, s->at,
	    q == NULL ? "; a string needs quotes" : "");
}

int
toml_scan_number(struct toml_scan *s, int64_t *out)
{
	const char *p = s->at, *end = word_end(s, p), *q;
	bool minus = p < end && *p == '-';
	bool sign = minus || (p < end && *p == '+');
	uint64_t value, max = (uint64_t)INT64_MAX + minus;
	unsigned base = 10;

	p += sign;
	if (!sign && end - p > 2 && *p == '0') {
		base = p[1] == 'x' ? 16
		    : p[1] == 'o'  ? 8
		    : p[1] == 'b'  ? 2
				   : 10;
		p += base == 10 ? 0 : 2;
	}
	q = digits(p, end, base, &value);
	if (q != end || q == NULL || (base == 10 && *p == '0' && q - p > 1))
		return no_number(s, end);
	if (value > max)
		return toml_scan_fail(s, s->at, "an integer past 64 bits");
	*out = minus ? (int64_t)(0 - value) : (int64_t)value;
	s->at = end;
	return 0;
}
