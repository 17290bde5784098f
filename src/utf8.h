/* utf8 - decoding, validity, display width, what is safe to show. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decode the character at p (len > 0). Returns its length in bytes, 1 to 4, or
 * 0 if the bytes are no valid UTF-8 (RFC 3629: overlong forms, surrogates and
 * values past U+10FFFF are not).
 */
size_t utf8_decode(const char *p, size_t len, uint32_t *ch);

/* Write `ch` to out (room for 4 bytes). Returns the length, 0 if not valid. */
size_t utf8_encode(uint32_t ch, char out[4]);

bool utf8_valid(const char *p, size_t len);

/*
 * Is this a character that must not reach a terminal or a person's eye from
 * outside: C0 (newline and tab too), DEL, C1, U+2028/9, bidirectional controls,
 * the tag block and other invisible format characters?
 */
bool utf8_unsafe(uint32_t ch);

/* Is all of it valid UTF-8, and nothing of it utf8_unsafe()? */
bool utf8_plain(const char *s);

/* Does the C library know the character? tmux before 3.5 shows no other. */
bool utf8_assigned(uint32_t ch);

/* Columns of a character on a terminal: 0, 1 or 2; as glibc's wcwidth in
 * C.UTF-8, which Debian's tmux uses too. A control character is 0; one that is
 * not assigned is 1, as tmux since 3.5 draws it. */
unsigned utf8_width(uint32_t ch);

/* Columns of a string; an invalid byte counts as one. */
unsigned utf8_columns(const char *s, size_t len);

/* The length in bytes of the longest start of `s` that is at most `columns`
 * wide and ends between characters. */
size_t utf8_fit(const char *s, size_t len, unsigned columns);

/* The same on a terminal that makes each character as wide as any does: they
 * differ about emoji (Unicode TR51), and U+FE0F makes one of the character
 * before it. tmux 3.5 draws some in 2 columns that wcwidth calls 1. */
size_t utf8_fit_most(const char *s, size_t len, unsigned columns);

#endif
