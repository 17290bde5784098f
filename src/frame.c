#include "frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "str.h"
#include "utf8.h"

#define FRAME_MAGIC "panemesh/"

enum {
	FRAME_VERSION_MAX = 9999,
	FRAME_SHOWN = 40, /* bytes of a bad line that an error quotes */
};

static const char *const frame_words[] = {
#define X(symbol, word) word,
	FRAME_VERBS(X)
#undef X
};

static bool
frame_is_id(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool
frame_is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

void
frame_init(struct frame *f, enum frame_verb verb, const char *id)
{
	size_t n;

	*f = (struct frame)FRAME_INIT;
	f->verb = verb;
	(void)snprintf(f->word, sizeof(f->word), "%s",
	    verb < FRAME_OTHER ? frame_words[verb] : "OTHER");
	for (n = 0; id[n] != '\0' && n < FRAME_ID_MAX; n++)
		f->id[n] = frame_is_id(id[n]) ? id[n] : '-';
	if (n == 0)
		f->id[n++] = '-';
	f->id[n] = '\0';
}

void
frame_free(struct frame *f)
{
	size_t i;

	for (i = 0; i < f->headers_n; i++) {
		X_CLEAR(f->headers[i].name);
		X_CLEAR(f->headers[i].value);
	}
	f->headers_n = 0;
	buf_free(&f->body);
}

/* What of `value` may stand in a line with `room` bytes left. */
static char *
frame_clean(const char *value, size_t room)
{
	size_t len = strlen(value), n;
	struct buf b = BUF_INIT;
	uint32_t ch;

	for (; len > 0; value += n, len -= n) {
		n = utf8_decode(value, len, &ch);
		if (n == 0 || utf8_unsafe(ch)) {
			n = n == 0 ? 1 : n;
			if (b.len + 1 > room)
				break;
			buf_addc(&b, '?');
		} else {
			if (b.len + n > room)
				break;
			buf_add(&b, value, n);
		}
	}
	return buf_steal(&b);
}

void
frame_add(struct frame *f, const char *name, const char *value)
{
	size_t len = strlen(name), i;

	for (i = 0; i < len && frame_is_name(name[i]); i++)
		continue;
	if (len == 0 || i < len || len + 2 > FRAME_LINE_MAX ||
	    f->headers_n == FRAME_HEADERS_MAX)
		return;
	f->headers[f->headers_n].name = x_strdup(name);
	f->headers[f->headers_n].value =
	    frame_clean(value, FRAME_LINE_MAX - len - 2);
	f->headers_n++;
}

void
frame_addf(struct frame *f, const char *name, const char *fmt, ...)
{
	char value[FRAME_LINE_MAX + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (n >= 0)
		frame_add(f, name, value);
}

const char *
frame_get(const struct frame *f, const char *name, const char *fallback)
{
	size_t i;

	for (i = 0; i < f->headers_n; i++)
		if (strcasecmp(f->headers[i].name, name) == 0)
			return f->headers[i].value;
	return fallback;
}

bool
frame_lists(const struct frame *f, const char *name, const char *word)
{
	const char *p = frame_get(f, name, "");
	size_t len = strlen(word), n;

	for (; *p != '\0'; p += n) {
		p += strspn(p, " ");
		n = strcspn(p, " ");
		if (n == len && memcmp(p, word, len) == 0)
			return true;
	}
	return false;
}

uint64_t
frame_number(
    const struct frame *f, const char *name, uint64_t max, uint64_t fallback)
{
	const char *value = frame_get(f, name, NULL);
	uint64_t n;

	if (value == NULL || str_number(value, max, &n) != 0)
		return fallback;
	return n;
}

void
frame_write_head(struct buf *out, const struct frame *f, size_t body)
{
	size_t i;

	buf_addf(out, FRAME_MAGIC "%d %s %s %zu\n", FRAME_VERSION, f->word,
	    f->id, body);
	for (i = 0; i < f->headers_n; i++)
		buf_addf(
		    out, "%s: %s\n", f->headers[i].name, f->headers[i].value);
	buf_addc(out, '\n');
}

void
frame_write(struct buf *out, const struct frame *f)
{
	frame_write_head(out, f, f->body.len);
	buf_add(out, f->body.data, f->body.len);
}

/* A stream that cannot be read on; quotes the start of the line. */
static enum frame_result
frame_bad(struct err *e, const char *line, size_t len, const char *why)
{
	if (len > FRAME_SHOWN)
		len = FRAME_SHOWN;
	(void)err_set(e, EXIT_WIRE, "frame: %s: '%.*s'", why, (int)len, line);
	return FRAME_BAD;
}

/* The word at *at, ended by a blank or the line's end; steps over both. */
static bool
frame_word(const char **at, const char *end, char *out, size_t size)
{
	const char *p = *at;
	size_t n;

	while (p < end && *p != ' ')
		p++;
	n = (size_t)(p - *at);
	if (n == 0 || n >= size || memchr(*at, '\0', n) != NULL)
		return false;
	memcpy(out, *at, n);
	out[n] = '\0';
	*at = p < end ? p + 1 : p;
	return true;
}

/* "panemesh/1 VERB id length": fills `f` and *body. */
static enum frame_result
frame_first(const char *line, size_t len, struct frame *f, uint64_t *body,
    struct err *e)
{
	const char *at = line, *end = line + len;
	char word[32], id[FRAME_ID_MAX + 1];
	enum frame_verb verb = FRAME_HELLO;
	uint64_t version;
	size_t i;

	if (!frame_word(&at, end, word, sizeof(word)) ||
	    !str_starts(word, FRAME_MAGIC) ||
	    str_number(
		word + strlen(FRAME_MAGIC), FRAME_VERSION_MAX, &version) != 0)
		return frame_bad(e, line, len, "does not begin a frame");
	if (version != FRAME_VERSION) {
		(void)err_set(e, EXIT_WIRE,
		    "frame: of version %u, we speak %d; bring both hosts to "
		    "the same release",
		    (unsigned)version, FRAME_VERSION);
		return FRAME_BAD;
	}
	if (!frame_word(&at, end, word, sizeof(f->word)) ||
	    strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(word))
		return frame_bad(e, line, len, "no verb");
	while (verb < FRAME_OTHER && !str_eq(word, frame_words[verb]))
		verb++;
	if (!frame_word(&at, end, id, sizeof(id)))
		return frame_bad(e, line, len, "no id");
	for (i = 0; id[i] != '\0'; i++)
		if (!frame_is_id(id[i]))
			return frame_bad(e, line, len, "bad id");
	frame_init(f, verb, id);
	memcpy(f->word, word, strlen(word) + 1); /* it was read to fit */
	if (!frame_word(&at, end, word, sizeof(word)) || at != end ||
	    line[len - 1] == ' ' || str_number(word, FRAME_BODY_MAX, body) != 0)
		return frame_bad(
		    e, line, len, "no length of a body, or one too large");
	return FRAME_READY;
}

/* "Name: value". */
static enum frame_result
frame_header(struct frame *f, const char *line, size_t len, struct err *e)
{
	const char *value;
	size_t name = 0, n, left;
	uint32_t ch;

	while (name < len && frame_is_name(line[name]))
		name++;
	if (name == 0 || name == len || line[name] != ':')
		return frame_bad(e, line, len, "bad header");
	if (f->headers_n == FRAME_HEADERS_MAX)
		return frame_bad(e, line, len, "too many headers");
	value = line + name + 1;
	left = len - name - 1;
	if (left > 0 && *value == ' ') {
		value++;
		left--;
	}
	f->headers[f->headers_n].name = x_strndup(line, name);
	f->headers[f->headers_n].value = x_strndup(value, left);
	f->headers_n++;
	for (; left > 0; value += n, left -= n) {
		n = utf8_decode(value, left, &ch);
		if (n == 0 || utf8_unsafe(ch))
			return frame_bad(
			    e, line, len, "header that is not printable UTF-8");
	}
	return FRAME_READY;
}

/* The line at in[*at]; without its newline, which is stepped over. */
static enum frame_result
frame_line(const struct buf *in, size_t *at, const char **line, size_t *len,
    struct err *e)
{
	const char *p = in->data + *at, *end;
	size_t left = in->len - *at;

	end =
	    memchr(p, '\n', left > FRAME_LINE_MAX ? FRAME_LINE_MAX + 1 : left);
	if (end == NULL && left > FRAME_LINE_MAX)
		return frame_bad(e, p, left, "line too long");
	if (end == NULL)
		return FRAME_MORE;
	*line = p;
	*len = (size_t)(end - p);
	*at += *len + 1;
	return FRAME_READY;
}

/* Without its body, whose length goes to *body; *at is where that begins. */
static enum frame_result
frame_head(const struct buf *in, struct frame *f, size_t *at, uint64_t *body,
    struct err *e)
{
	enum frame_result rc;
	const char *line = NULL;
	size_t len = 0;

	*at = 0;
	rc = frame_line(in, at, &line, &len, e);
	if (rc == FRAME_READY)
		rc = frame_first(line, len, f, body, e);
	while (rc == FRAME_READY) {
		rc = frame_line(in, at, &line, &len, e);
		if (rc == FRAME_READY && len == 0)
			break;
		if (rc == FRAME_READY)
			rc = frame_header(f, line, len, e);
	}
	return rc;
}

enum frame_result
frame_peek(const struct buf *in, struct frame *f, size_t *size, struct err *e)
{
	enum frame_result rc;
	uint64_t body = 0;
	size_t at = 0;

	*f = (struct frame)FRAME_INIT;
	*size = 0;
	rc = frame_head(in, f, &at, &body, e);
	if (rc == FRAME_READY) {
		*size = at + body;
		if (in->len < *size)
			rc = FRAME_MORE;
	}
	if (rc != FRAME_READY)
		frame_free(f);
	return rc;
}

enum frame_result
frame_read(struct buf *in, struct frame *f, struct err *e)
{
	enum frame_result rc;
	uint64_t body = 0;
	size_t at = 0;

	*f = (struct frame)FRAME_INIT;
	if (in->overflow) {
		(void)err_set(e, EXIT_WIRE,
		    "frame: larger than the %zu bytes there is room for",
		    in->max);
		return FRAME_BAD;
	}
	rc = frame_head(in, f, &at, &body, e);
	if (rc == FRAME_READY && in->len - at < body)
		rc = FRAME_MORE;
	if (rc != FRAME_READY) {
		frame_free(f);
		return rc;
	}
	buf_add(&f->body, in->data + at, body);
	buf_consume(in, at + body);
	return FRAME_READY;
}

/* Does "panemesh/N HELLO " stand at p? FRAME_MORE: it may, once more comes. */
static enum frame_result
frame_is_hello(const char *p, size_t len)
{
	static const char hello[] = " HELLO ";
	size_t magic = strlen(FRAME_MAGIC), i = magic, n;

	if (memcmp(p, FRAME_MAGIC, len < magic ? len : magic) != 0)
		return FRAME_BAD;
	while (i < len && i < magic + 4 && p[i] >= '0' && p[i] <= '9')
		i++;
	if (i >= len)
		return FRAME_MORE;
	n = len - i < sizeof(hello) - 1 ? len - i : sizeof(hello) - 1;
	if (i == magic || memcmp(p + i, hello, n) != 0)
		return FRAME_BAD;
	return n < sizeof(hello) - 1 ? FRAME_MORE : FRAME_READY;
}

enum frame_result
frame_skip_noise(struct buf *in, size_t *dropped, struct err *e)
{
	enum frame_result rc = FRAME_MORE;
	const char *p;
	size_t at = 0;

	/* Not at the start of lines only: a start-up file may end its noise
	 * without a newline. */
	while (at < in->len) {
		p = memchr(in->data + at, FRAME_MAGIC[0], in->len - at);
		at = p == NULL ? in->len : (size_t)(p - in->data);
		if (at == in->len)
			break;
		rc = frame_is_hello(in->data + at, in->len - at);
		if (rc != FRAME_BAD)
			break;
		rc = FRAME_MORE;
		at++;
	}
	buf_consume(in, at);
	*dropped += at;
	if (*dropped <= FRAME_NOISE_MAX)
		return rc;
	(void)err_set(e, EXIT_WIRE,
	    "frame: more than %d bytes before a HELLO; what the login shell's "
	    "start-up files print must go, or is no panemesh there?",
	    FRAME_NOISE_MAX);
	return FRAME_BAD;
}
