/* doctor: words for the shell, keys that are bound, lines of tmux.conf. */
#include <stdio.h>

#include "unit.h"

#include "../../src/doctor_peer.c"
#include "../../src/doctor_tmux.c"

/* What sh makes of a word is the word, and it can be shown and pasted. */
static void
test_word(void **state)
{
	static const char *const words[] = { "plain", "", "two words", "it's",
		"$(touch x)", "`x`", "a\nb", "tab\there", "\033[31m",
		"back\\slash", "100%", "\xff\xfe", "caf\xc3\xa9",
		"\xe2\x80\xae", "-n", "*?[", "'\n'" };
	struct buf line = BUF_INIT, out = BUF_INIT;
	struct argv argv;
	struct err e;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct proc p = {
			.argv = &argv, .out = &out, .timeout_ms = 10000
		};

		argv = (struct argv)ARGV_INIT;
		buf_reset(&line);
		buf_reset(&out);
		buf_adds(&line, "printf '<%s>' ");
		doctor_word(&line, words[i]);
		for (k = 0; k < line.len; k++)
			assert_true((unsigned char)line.data[k] >= ' ' &&
			    line.data[k] != 0x7f);
		argv_addl(&argv, "sh", "-c", line.data, NULL);
		assert_int_equal(proc_run(&p, &e), 0);
		assert_int_equal(p.status, 0);
		assert_int_equal(out.len, strlen(words[i]) + 2);
		assert_memory_equal(out.data + 1, words[i], strlen(words[i]));
		argv_free(&argv);
	}
	buf_free(&line);
	buf_free(&out);
}

static void
test_key(void **state)
{
	char peer[KEYS_FIELD_MAX];
	struct key k;

	(void)state;
	assert_false(key_parse(&k, ""));
	assert_false(key_parse(&k, "# ssh-ed25519 AAAA x"));
	assert_false(key_parse(&k, "nothing here"));
	assert_true(key_parse(&k, "ssh-ed25519 AAAA me@there and more"));
	assert_string_equal(k.data, "AAAA");
	assert_string_equal(k.comment, "me@there and more");
	assert_string_equal(k.command, "");
	assert_true(key_parse(&k,
	    " restrict,command=\"/x/agent-serve --peer web\" ssh-rsa BB w"));
	assert_true(k.restricted);
	assert_string_equal(k.command, "/x/agent-serve --peer web");
	key_peer(&k, peer);
	assert_string_equal(peer, "web");
	/* Quotes and words that look like options inside a command. */
	assert_true(key_parse(&k,
	    "from=\"a,restrict,b\",command=\"echo \\\"restrict,\\\" -p \" "
	    "ecdsa-sha2-nistp256 CC"));
	assert_false(k.restricted);
	assert_string_equal(k.command, "echo \"restrict,\" -p ");
	key_peer(&k, peer);
	assert_string_equal(peer, "");
	assert_true(key_parse(
	    &k, "command=\"agent-serve -p box\",restrict sk-ssh-ed25519 DD"));
	assert_true(k.restricted);
	key_peer(&k, peer);
	assert_string_equal(peer, "box");
	/* Not closed: no key, and no reading past the end. */
	assert_false(key_parse(&k, "command=\"agent-serve ssh-rsa AA"));
	assert_false(key_parse(&k, "command=\"x\\"));
}

static void
test_version(void **state)
{
	(void)state;
	assert_int_equal(version_number("3.2"), 302);
	assert_int_equal(version_number("3.3a"), 303);
	assert_int_equal(version_number("next-3.10"), 310);
	assert_int_equal(version_number("2.9a"), 209);
	assert_int_equal(version_number("master"), 0);
	assert_int_equal(version_number(""), 0);
}

static void
test_conf_word(void **state)
{
	char home[] = "/home/u";
	const struct conf c = { .home = home };
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "~/a.conf", "/home/u/a.conf" },
		{ "\"~/a b.conf\" ; x", "/home/u/a b.conf" },
		{ "'$HOME/x'", "/home/u/x" },
		{ "${HOME}/x # y", "/home/u/x" },
		{ "/a;b", "/a" },
		{ "\"not closed", "not closed" },
		{ "", "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *word = conf_word(&c, rows[i].text);

		assert_string_equal(word, rows[i].want);
		x_free(word);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_conf_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
