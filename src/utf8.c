#include "utf8.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

size_t
utf8_decode(const char *p, size_t len, uint32_t *ch)
{
	const unsigned char *s = (const unsigned char *)p;
	uint32_t c;
	size_t need, i;

	if (len == 0)
		return 0;
	if (s[0] < 0x80) {
		*ch = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		need = 2;
		c = s[0] & 0x1fU;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		need = 3;
		c = s[0] & 0x0fU;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		need = 4;
		c = s[0] & 0x07U;
	} else {
		return 0;
	}
	if (len < need)
		return 0;
	for (i = 1; i < need; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fU);
	}
	if ((need == 3 && c < 0x800) || (need == 4 && c < 0x10000))
		return 0;
	if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return 0;
	*ch = c;
	return need;
}

size_t
utf8_encode(uint32_t ch, char out[4])
{
	if (ch < 0x80) {
		out[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		out[0] = (char)(0xc0 | ch >> 6);
		out[1] = (char)(0x80 | (ch & 0x3f));
		return 2;
	}
	if (ch >= 0xd800 && ch <= 0xdfff)
		return 0;
	if (ch < 0x10000) {
		out[0] = (char)(0xe0 | ch >> 12);
		out[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		out[2] = (char)(0x80 | (ch & 0x3f));
		return 3;
	}
	if (ch > 0x10ffff)
		return 0;
	out[0] = (char)(0xf0 | ch >> 18);
	out[1] = (char)(0x80 | (ch >> 12 & 0x3f));
	out[2] = (char)(0x80 | (ch >> 6 & 0x3f));
	out[3] = (char)(0x80 | (ch & 0x3f));
	return 4;
}

bool
utf8_valid(const char *p, size_t len)
{
	uint32_t ch;
	size_t n;

	while (len > 0) {
		n = utf8_decode(p, len, &ch);
		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

bool
utf8_unsafe(uint32_t ch)
{
	if (ch < 0x20 || (ch >= 0x7f && ch <= 0x9f))
		return true;
	/* line and paragraph separator, bidi embedding and override */
	if (ch >= 0x2028 && ch <= 0x202e)
		return true;
	/* bidi isolates; left-to-right, right-to-left, Arabic letter mark */
	if (ch >= 0x2066 && ch <= 0x2069)
		return true;
	if (ch == 0x200e || ch == 0x200f || ch == 0x061c)
		return true;
	/* interlinear annotation, byte order mark, language tags */
	if ((ch >= 0xfff9 && ch <= 0xfffb) || ch == 0xfeff)
		return true;
	return ch >= 0xe0000 && ch <= 0xe007f;
}

bool
utf8_plain(const char *s)
{
	size_t left = strlen(s), n;
	uint32_t ch;

	for (; left > 0; s += n, left -= n) {
		n = utf8_decode(s, left, &ch);
		if (n == 0 || utf8_unsafe(ch))
			return false;
	}
	return true;
}

/*
 * wcwidth needs a UTF-8 locale, and hooks run with LANG unset: a locale object
 * of our own, made at first use and kept.
 */
static locale_t
utf8_locale(void)
{
	static locale_t locale;

	if (locale == (locale_t)0)
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return locale;
}

/* As wcwidth: -1 for what does not print. */
static int
utf8_wcwidth(uint32_t ch)
{
	locale_t locale, old;
	int width;

	if (ch >= 0x20 && ch < 0x7f)
		return 1;
	locale = utf8_locale();
	if (locale == (locale_t)0)
		return 1;
	old = uselocale(locale);
	width = wcwidth((wchar_t)ch);
	(void)uselocale(old);
	return width;
}

bool
utf8_assigned(uint32_t ch)
{
	return utf8_wcwidth(ch) >= 0;
}

unsigned
utf8_width(uint32_t ch)
{
	int width = utf8_wcwidth(ch);

	if (width < 0)
		return utf8_unsafe(ch) || (ch >= 0xd800 && ch <= 0xdfff) ? 0
									 : 1;
	return (unsigned)width;
}

unsigned
utf8_columns(const char *s, size_t len)
{
	unsigned columns = 0;
	uint32_t ch;
	size_t n;

	while (len > 0) {
		n = utf8_decode(s, len, &ch);
		columns += n == 0 ? 1 : utf8_width(ch);
		n = n == 0 ? 1 : n;
		s += n;
		len -= n;
	}
	return columns;
}

/* The most columns that the character at s takes; `next` stands behind it. */
static unsigned
width_most(uint32_t ch, const char *next, size_t left)
{
	const uint32_t emoji_sign = 0xfe0f;
	uint32_t follows = 0;

	if ((ch >= 0x2600 && ch <= 0x27bf) || (ch >= 0x1f000 && ch <= 0x1ffff))
		return 2;
	if (utf8_width(ch) == 1 && utf8_decode(next, left, &follows) > 0 &&
	    follows == emoji_sign)
		return 2;
	return utf8_width(ch);
}

static size_t
fit(const char *s, size_t len, unsigned columns, bool most)
{
	size_t done = 0, n;
	unsigned width;
	uint32_t ch;

	while (done < len) {
		n = utf8_decode(s + done, len - done, &ch);
		width = 1;
		if (n == 0)
			n = 1;
		else if (most)
			width = width_most(ch, s + done + n, len - done - n);
		else
			width = utf8_width(ch);
		if (width > columns)
			break;
		columns -= width;
		done += n;
	}
	return done;
}

size_t
utf8_fit(const char *s, size_t len, unsigned columns)
{
	return fit(s, len, columns, false);
}

size_t
utf8_fit_most(const char *s, size_t len, unsigned columns)
{
	return fit(s, len, columns, true);
}
