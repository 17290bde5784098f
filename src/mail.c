#include "mail.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "clock.h"
#include "utf8.h"

#define MAIL_DATE "%a, %d %b %Y %H:%M:%S +0000"
#define MAIL_DOMAIN "@panemesh"

enum { MAIL_DATE_MAX = 48 };

void
mail_free(struct mail *m)
{
	buf_free(&m->body);
}

bool
mail_id_ok(const char *s)
{
	size_t len = strlen(s);

	size_t own = strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz");

	if (own < MAIL_ID_MIN || len > MAIL_ID_MAX)
		return false;
	return own == len ||
	    (s[own] == '.' && own + 1 < len &&
		strspn(s + own + 1, "0123456789") == len - own - 1);
}

bool
mail_card_ok(const char *s)
{
	return s[0] != '\0' && s[0] != ' ' && utf8_plain(s);
}

void
mail_card_set(char *field, size_t size, const char *text)
{
	memset(field, 0, size);
	if (strlen(text) < size && mail_card_ok(text))
		memcpy(field, text, strlen(text) + 1);
}

bool
mail_chain_ok(const char *s)
{
	char id[MAIL_ID_MAX + 1];
	size_t n, len;

	for (n = 0; n < MAIL_CHAIN_MAX; n++) {
		len = strcspn(s, " ");
		if (len > MAIL_ID_MAX)
			return false;
		memcpy(id, s, len);
		id[len] = '\0';
		if (!mail_id_ok(id))
			return false;
		s += len;
		if (*s++ == '\0')
			return true;
	}
	return false;
}

void
mail_chain_add(char chain[MAIL_CHAIN_TEXT_MAX + 1], const char *id)
{
	char longer[MAIL_CHAIN_TEXT_MAX + MAIL_ID_MAX + 2];
	const char *from = longer;

	(void)snprintf(longer, sizeof(longer), "%s%s%s", chain,
	    chain[0] == '\0' ? "" : " ", id);
	while (!mail_chain_ok(from) && strchr(from, ' ') != NULL)
		from = strchr(from, ' ') + 1;
	(void)snprintf(
	    chain, MAIL_CHAIN_TEXT_MAX + 1, "%.*s", MAIL_CHAIN_TEXT_MAX, from);
}

bool
mail_answerable(const char *from, const char *note)
{
	return (note == NULL || note[0] == '\0' ||
		   str_starts(note, MAIL_THROUGH)) &&
	    strchr(from, '@') == NULL;
}

bool
mail_over(const struct mail *m, int64_t now)
{
	return m->expires > 0 && m->expires <= now;
}

void
mail_brief(struct buf *out, const char *body, size_t len, unsigned columns)
{
	struct buf line = BUF_INIT_MAX(4UL * BODY_MAX);
	size_t fit;

	(void)body_clean(&line, body, len, BODY_FOLDED, NULL);
	fit = utf8_fit(line.data, line.len, columns);
	if (fit < line.len)
		fit = utf8_fit(line.data, line.len, columns - 3);
	buf_add(out, line.data, fit);
	if (fit < line.len)
		buf_adds(out, "...");
	buf_free(&line);
}

/* ---- writing ---- */

/* Text with other bytes than ASCII, as words of RFC 2047's Q encoding, each on
 * a line of its own and whole in itself. */
static void
mail_encode(struct buf *out, const char *text, size_t len)
{
	static const char begin[] = "=?utf-8?q?", end[] = "?=";
	size_t at, n, i, room, word = 0;
	unsigned char c;
	uint32_t ch;

	for (at = 0; at < len; at += n) {
		n = utf8_decode(text + at, len - at, &ch);
		n = n == 0 ? 1 : n;
		room = 3 * n;
		if (word == 0 ||
		    word + room + sizeof(end) - 1 > MAIL_ENCODED_MAX) {
			buf_adds(out, word == 0 ? "" : "?=\n ");
			buf_adds(out, begin);
			word = sizeof(begin) - 1;
		}
		for (i = 0; i < n; i++) {
			c = (unsigned char)text[at + i];
			if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z'))
				buf_addc(out, (char)c);
			else if (c == ' ')
				buf_addc(out, '_');
			else
				buf_addf(out, "=%02X", c);
		}
		word += room;
	}
	buf_adds(out, word == 0 ? "" : end);
}

static void
mail_subject(struct buf *out, const struct mail *m)
{
	struct buf brief = BUF_INIT;
	size_t i;

	mail_brief(&brief, m->body.data, m->body.len, MAIL_SUBJECT_MAX);
	for (i = 0;
	     i < brief.len && brief.data[i] >= ' ' && brief.data[i] < 127; i++)
		continue;
	buf_adds(out, "Subject: ");
	/* What looks like an encoded word must be one. */
	if (i == brief.len && strstr(brief.data, "=?") == NULL)
		buf_adds(out, brief.data);
	else
		mail_encode(out, brief.data, brief.len);
	buf_addc(out, '\n');
	buf_free(&brief);
}

/* From the first of the thread to what is answered. */
static void
mail_references(struct buf *out, const struct mail *m)
{
	const char *id;
	size_t len;

	buf_adds(out, "References:");
	if (m->thread[0] != '\0' && !str_eq(m->thread, m->reply_to))
		buf_addf(out, " <%s" MAIL_DOMAIN ">", m->thread);
	for (id = m->chain; *id != '\0'; id += len + (id[len] == ' ')) {
		len = strcspn(id, " ");
		buf_addf(out, " <%.*s" MAIL_DOMAIN ">", (int)len, id);
	}
	buf_addf(out, " <%s" MAIL_DOMAIN ">\n", m->reply_to);
}

/* `"name" <name@host>`; a name that has an @ already is an address itself. */
static void
mail_address(
    struct buf *out, const char *header, const char *name, const char *host)
{
	buf_addf(out, "%s: \"%s\" <%s", header, name, name);
	if (strchr(name, '@') == NULL)
		buf_addf(out, "@%s", host[0] == '\0' ? "unknown" : host);
	buf_adds(out, ">\n");
}

static void
mail_date(struct buf *out, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[MAIL_DATE_MAX];
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(text, sizeof(text), MAIL_DATE, &tm) == 0)
		return;
	buf_addf(out, "Date: %s\n", text);
}

static void
mail_card(struct buf *out, const struct mail_card *c)
{
	if (c->project[0] != '\0')
		buf_addf(out, "X-Panemesh-Project: %s\n", c->project);
	if (c->branch[0] != '\0')
		buf_addf(out, "X-Panemesh-Branch: %s\n", c->branch);
	if (c->program[0] != '\0')
		buf_addf(out, "X-Panemesh-Program: %s\n", c->program);
	if (c->directory[0] != '\0')
		buf_addf(out, "X-Panemesh-Directory: %s\n", c->directory);
}

void
mail_write(struct buf *out, const struct mail *m)
{
	char when[CLOCK_TEXT_MAX];

	mail_address(out, "From", m->from, m->from_host);
	mail_address(out, "To", m->to, m->to_host);
	mail_date(out, m->date);
	buf_addf(out, "Message-ID: <%s" MAIL_DOMAIN ">\n", m->id);
	if (m->reply_to[0] != '\0') {
		buf_addf(
		    out, "In-Reply-To: <%s" MAIL_DOMAIN ">\n", m->reply_to);
		mail_references(out, m);
	}
	mail_subject(out, m);
	buf_adds(out,
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n");
	if (m->urgent)
		buf_adds(out, "X-Panemesh-Urgency: urgent\n");
	if (m->first)
		buf_adds(out, "X-Panemesh-First: 1\n");
	if (m->type)
		buf_adds(out, "X-Panemesh-Type: 1\n");
	if (m->question)
		buf_adds(out, "X-Panemesh-Question: 1\n");
	if (m->schema[0] != '\0')
		buf_addf(out, "X-Panemesh-Schema: %s\n", m->schema);
	if (m->hops > 0)
		buf_addf(out, "X-Panemesh-Hops: %u\n", m->hops);
	if (m->expires > 0) {
		clock_text(when, m->expires);
		buf_addf(out, "X-Panemesh-Expires: %s\n", when);
	}
	if (m->note[0] != '\0')
		buf_addf(out, "X-Panemesh-Note: %s\n", m->note);
	if (m->sender[0] != '\0')
		buf_addf(out, "X-Panemesh-Sender: %s\n", m->sender);
	/* Not every From says it. */
	if (m->from_host[0] != '\0' &&
	    (m->sender[0] != '\0' || strchr(m->from, '@') != NULL))
		buf_addf(out, "X-Panemesh-Host: %s\n", m->from_host);
	if (m->path[0] != '\0')
		buf_addf(out, "X-Panemesh-Path: %s\n", m->path);
	if (m->folder[0] != '\0')
		buf_addf(out, "X-Panemesh-Folder: %s\n", m->folder);
	mail_card(out, &m->card);
	buf_addc(out, '\n');
	buf_add(out, m->body.data, m->body.len);
	buf_addc(out, '\n');
}

/* ---- reading ---- */

/* Copy a value if it fits and `good` takes it. */
static int
mail_take(char *out, size_t size, const char *value, size_t len,
    bool (*good)(const char *))
{
	if (len >= size)
		return -1;
	memcpy(out, value, len);
	out[len] = '\0';
	return good(out) ? 0 : -1;
}

/* `"name" <name@host>` to both. */
static int
mail_take_address(char *name, size_t size, char *host, const char *value,
    bool (*good)(const char *))
{
	const char *quote, *at, *end;

	if (value[0] != '"' || (quote = strchr(value + 1, '"')) == NULL ||
	    mail_take(
		name, size, value + 1, (size_t)(quote - value - 1), good) != 0)
		return -1;
	/* Such a name is an address by itself, its host nothing of ours. */
	if (strchr(name, '@') != NULL)
		return 0;
	at = strrchr(value, '@');
	end = strrchr(value, '>');
	if (at == NULL || end == NULL || end < at)
		return -1;
	return mail_take(
	    host, HOST_MAX + 1, at + 1, (size_t)(end - at - 1), str_host_ok);
}

/* The first `<id@panemesh>` of a value. */
static int
mail_take_id(char id[MAIL_ID_MAX + 1], const char *value)
{
	const char *open = strchr(value, '<'), *at;

	if (open == NULL || (at = strchr(open, '@')) == NULL ||
	    !str_starts(at, MAIL_DOMAIN ">"))
		return -1;
	return mail_take(
	    id, MAIL_ID_MAX + 1, open + 1, (size_t)(at - open - 1), mail_id_ok);
}

/* The first of the thread, and those up to what is answered, which is the last
 * and stands in In-Reply-To. Those of others in between are passed over. */
static int
mail_take_references(struct mail *m, const char *value)
{
	char id[MAIL_ID_MAX + 1];

	m->chain[0] = '\0';
	if (mail_take_id(m->thread, value) != 0)
		return -1;
	value = strchr(value, '<') + 1;
	for (; (value = strchr(value, '<')) != NULL; value++)
		if (strchr(value + 1, '<') != NULL &&
		    mail_take_id(id, value) == 0)
			mail_chain_add(m->chain, id);
	return 0;
}

static int
mail_take_time(int64_t *ms, const char *value, const char *format)
{
	struct tm tm = { .tm_mday = 1 };
	const char *end = strptime(value, format, &tm);

	if (end == NULL || *end != '\0')
		return -1;
	*ms = (int64_t)timegm(&tm) * 1000;
	return *ms < 0 ? -1 : 0;
}

static bool
mail_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s == 127)
			return false;
	return true;
}

static int
mail_take_number(unsigned *out, const char *value)
{
	uint64_t number;

	if (str_number(value, 1000, &number) != 0)
		return -1;
	*out = (unsigned)number;
	return 0;
}

/* One of a card's, as far as it may be shown: a person may have edited it. */
static bool
mail_take_card(struct mail_card *c, const char *name, const char *value)
{
	if (strcasecmp(name, "X-Panemesh-Project") == 0)
		mail_card_set(c->project, sizeof(c->project), value);
	else if (strcasecmp(name, "X-Panemesh-Branch") == 0)
		mail_card_set(c->branch, sizeof(c->branch), value);
	else if (strcasecmp(name, "X-Panemesh-Program") == 0)
		mail_card_set(c->program, sizeof(c->program), value);
	else if (strcasecmp(name, "X-Panemesh-Directory") == 0)
		mail_card_set(c->directory, sizeof(c->directory), value);
	else
		return false;
	return true;
}

/* One header. Those of others are passed over. */
static int
mail_header(struct mail *m, const char *name, const char *value)
{
	if (strcasecmp(name, "From") == 0)
		return mail_take_address(m->from, sizeof(m->from), m->from_host,
		    value, body_sender_ok);
	if (strcasecmp(name, "To") == 0)
		return mail_take_address(
		    m->to, sizeof(m->to), m->to_host, value, str_address_ok);
	if (strcasecmp(name, "Date") == 0)
		return mail_take_time(&m->date, value, MAIL_DATE);
	if (strcasecmp(name, "Message-ID") == 0)
		return mail_take_id(m->id, value);
	if (strcasecmp(name, "In-Reply-To") == 0)
		return mail_take_id(m->reply_to, value);
	if (strcasecmp(name, "References") == 0)
		return mail_take_references(m, value);
	if (mail_take_card(&m->card, name, value))
		return 0;
	if (strcasecmp(name, "X-Panemesh-Urgency") == 0)
		m->urgent = str_eq(value, "urgent");
	else if (strcasecmp(name, "X-Panemesh-First") == 0)
		m->first = str_eq(value, "1");
	else if (strcasecmp(name, "X-Panemesh-Type") == 0)
		m->type = str_eq(value, "1");
	else if (strcasecmp(name, "X-Panemesh-Question") == 0)
		m->question = str_eq(value, "1");
	else if (strcasecmp(name, "X-Panemesh-Schema") == 0)
		return mail_take(m->schema, sizeof(m->schema), value,
		    strlen(value), schema_ok);
	else if (strcasecmp(name, "X-Panemesh-Hops") == 0)
		return mail_take_number(&m->hops, value);
	else if (strcasecmp(name, "X-Panemesh-Expires") == 0)
		return mail_take_time(&m->expires, value, "%Y-%m-%dT%H:%M:%SZ");
	else if (strcasecmp(name, "X-Panemesh-Note") == 0)
		return mail_take(m->note, sizeof(m->note), value, strlen(value),
		    mail_printable);
	else if (strcasecmp(name, "X-Panemesh-Sender") == 0)
		return mail_take(m->sender, sizeof(m->sender), value,
		    strlen(value), body_sender_ok);
	else if (strcasecmp(name, "X-Panemesh-Host") == 0)
		return mail_take(m->from_host, sizeof(m->from_host), value,
		    strlen(value), str_host_ok);
	else if (strcasecmp(name, "X-Panemesh-Path") == 0)
		return mail_take(m->path, sizeof(m->path), value, strlen(value),
		    hops_text_ok);
	else if (strcasecmp(name, "X-Panemesh-Folder") == 0)
		return mail_take(m->folder, sizeof(m->folder), value,
		    strlen(value), body_sender_ok);
	return 0;
}

/* One header with its continued lines, which are joined in `line`. Returns the
 * bytes taken, or 0. */
static size_t
mail_unfold(struct buf *line, const char *text, size_t len)
{
	const char *end;
	size_t at = 0;

	buf_reset(line);
	do {
		end = memchr(text + at, '\n', len - at);
		if (end == NULL || (size_t)(end - text) - at > MAIL_LINE_MAX)
			return 0;
		buf_add(line, text + at, (size_t)(end - text) - at);
		at = (size_t)(end - text) + 1;
	} while (at < len && (text[at] == ' ' || text[at] == '\t'));
	return line->overflow ? 0 : at;
}

int
mail_parse(struct mail *m, const char *name, const char *text, size_t len,
    struct err *e)
{
	struct buf line = BUF_INIT_MAX(4 * MAIL_LINE_MAX);
	size_t at = 0, n, headers = 0;
	char *colon, *value;
	int rc = -1;

	*m = (struct mail)MAIL_INIT;
	while (at < len && text[at] != '\n') {
		n = mail_unfold(&line, text + at, len - at);
		colon = strchr(line.data, ':');
		if (n == 0 || colon == NULL || headers++ >= MAIL_HEADERS_MAX) {
			(void)err_set(e, EXIT_LOCAL,
			    "%s: byte %zu: no header of a message", name, at);
			goto out;
		}
		*colon = '\0';
		value = colon + 1 + strspn(colon + 1, " \t");
		if (mail_header(m, line.data, value) != 0) {
			(void)err_set(e, EXIT_LOCAL, "%s: bad header %.40s",
			    name, line.data);
			goto out;
		}
		at += n;
	}
	if (at >= len || text[len - 1] != '\n' || m->id[0] == '\0' ||
	    m->from[0] == '\0' || m->to[0] == '\0') {
		(void)err_set(e, EXIT_LOCAL, "%s: is no whole message", name);
		goto out;
	}
	/* An answer has a thread, and nothing else has. */
	if (m->reply_to[0] == '\0' || m->thread[0] == '\0')
		memcpy(m->thread, m->reply_to, sizeof(m->thread));
	if (str_eq(m->thread, m->reply_to))
		m->chain[0] = '\0';
	if (len - at >= 2)
		buf_add(&m->body, text + at + 1, len - at - 2);
	if (!utf8_valid(m->body.data, m->body.len))
		(void)err_set(e, EXIT_LOCAL, "%s: is not UTF-8", name);
	else
		rc = buf_check(&m->body, name, e);
out:
	buf_free(&line);
	return rc;
}
