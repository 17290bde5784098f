#include "unit.h"

#include "mail.h"
#include "str.h"

#define ID1 "abcdefghij0123456789"
#define ID2 "bbcdefghij0123456789"
#define ID3 "cbcdefghij0123456789"

static struct mail
sample(const char *body)
{
	struct mail m = MAIL_INIT;

	(void)snprintf(m.id, sizeof(m.id), "%s", ID1);
	(void)snprintf(m.from, sizeof(m.from), "web-main-review");
	(void)snprintf(m.from_host, sizeof(m.from_host), "web");
	(void)snprintf(m.to, sizeof(m.to), "hub-dev-build");
	(void)snprintf(m.to_host, sizeof(m.to_host), "hub");
	m.date = 1767225600000;
	buf_adds(&m.body, body);
	return m;
}

static void
check_same(const struct mail *a, const struct mail *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->from, b->from);
	assert_string_equal(a->note, b->note);
	assert_string_equal(a->sender, b->sender);
	if (a->sender[0] != '\0')
		assert_string_equal(a->from_host, b->from_host);
	assert_string_equal(a->folder, b->folder);
	assert_string_equal(a->to, b->to);
	assert_string_equal(a->to_host, b->to_host);
	assert_int_equal(a->date, b->date);
	assert_string_equal(a->reply_to, b->reply_to);
	assert_string_equal(a->thread, b->thread);
	assert_string_equal(a->chain, b->chain);
	assert_memory_equal(&a->card, &b->card, sizeof(a->card));
	assert_int_equal(a->urgent, b->urgent);
	assert_int_equal(a->first, b->first);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->question, b->question);
	assert_string_equal(a->schema, b->schema);
	assert_int_equal(a->hops, b->hops);
	assert_int_equal(a->expires, b->expires);
	assert_int_equal(a->body.len, b->body.len);
	assert_memory_equal(a->body.data, b->body.data, a->body.len);
}

static void
round_trip(struct mail *m)
{
	struct buf text = BUF_INIT;
	struct mail back;
	struct err e;

	mail_write(&text, m);
	assert_int_equal(mail_parse(&back, "it", text.data, text.len, &e), 0);
	check_same(m, &back);
	mail_free(&back);
	mail_free(m);
	buf_free(&text);
}

static void
test_text(void **state)
{
	struct mail m = sample("tests green");
	struct buf text = BUF_INIT;

	(void)state;
	mail_write(&text, &m);
	assert_string_equal(text.data,
	    "From: \"web-main-review\" <web-main-review@web>\n"
	    "To: \"hub-dev-build\" <hub-dev-build@hub>\n"
	    "Date: Thu, 01 Jan 2026 00:00:00 +0000\n"
	    "Message-ID: <" ID1 "@panemesh>\n"
	    "Subject: tests green\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n"
	    "\n"
	    "tests green\n");
	buf_free(&text);
	mail_free(&m);
}

static void
test_round_trip(void **state)
{
	static const char *const bodies[] = { "x", "a\n\nb\n", "\n\n",
		"From here\n.\n", "tab\tgr\u00fc\u00df \u4f60\u597d", "",
		"=?utf-8?q?x?=", "a: b\n" };
	struct mail m;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(bodies); i++) {
		m = sample(bodies[i]);
		round_trip(&m);
	}
	m = sample("all of it");
	m.urgent = m.first = m.type = m.question = true;
	(void)snprintf(m.schema, sizeof(m.schema), "{\"ok\":\"boolean\"}");
	m.hops = 4;
	m.expires = 1767229200000;
	(void)snprintf(m.note, sizeof(m.note), "no reply");
	(void)snprintf(m.folder, sizeof(m.folder), "unverified-web");
	(void)snprintf(m.from, sizeof(m.from), "ann@web");
	(void)snprintf(m.sender, sizeof(m.sender), "web-main-x");
	(void)snprintf(m.reply_to, sizeof(m.reply_to), "%s", ID2);
	(void)snprintf(m.thread, sizeof(m.thread), "%s", ID3);
	(void)snprintf(
	    m.chain, sizeof(m.chain), "%s", ID1 ".12 " ID2 "x " ID3 "y");
	mail_card_set(
	    m.card.project, sizeof(m.card.project), "gr\u00fc\u00df: x");
	mail_card_set(m.card.branch, sizeof(m.card.branch), "fix/a");
	mail_card_set(m.card.program, sizeof(m.card.program), "claude");
	mail_card_set(m.card.directory, sizeof(m.card.directory), "/src");
	round_trip(&m);
}

static void
test_card(void **state)
{
	char longer[MAIL_CARD_MAX + 2];
	struct mail_card c;

	(void)state;
	mail_card_set(c.project, sizeof(c.project), "x y");
	assert_string_equal(c.project, "x y");
	mail_card_set(c.project, sizeof(c.project), "x\nFrom: y");
	assert_string_equal(c.project, "");
	mail_card_set(c.project, sizeof(c.project), "\033[31m");
	assert_string_equal(c.project, "");
	mail_card_set(c.project, sizeof(c.project), "\xff");
	assert_string_equal(c.project, "");
	mail_card_set(c.project, sizeof(c.project), "");
	assert_string_equal(c.project, "");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	mail_card_set(c.project, sizeof(c.project), longer);
	assert_string_equal(c.project, "");
	longer[MAIL_CARD_MAX] = '\0';
	mail_card_set(c.project, sizeof(c.project), longer);
	assert_string_equal(c.project, longer);
}

static void
test_chain(void **state)
{
	char chain[MAIL_CHAIN_TEXT_MAX + 1] = "", id[sizeof(ID1) + 12];
	int i;

	(void)state;
	assert_false(mail_chain_ok(""));
	assert_true(mail_chain_ok(ID1));
	assert_true(mail_chain_ok(ID1 " " ID2));
	assert_false(mail_chain_ok(ID1 "  " ID2));
	assert_false(mail_chain_ok(ID1 " "));
	assert_false(mail_chain_ok(ID1 " ../x"));
	assert_false(mail_chain_ok(ID1 ID2));
	for (i = 0; i < 20; i++) {
		(void)snprintf(id, sizeof(id), "%s%06d", ID1, i);
		mail_chain_add(chain, id);
		assert_true(mail_chain_ok(chain));
	}
	assert_int_equal(strlen(chain), MAIL_CHAIN_TEXT_MAX - 1);
	assert_non_null(strstr(chain, ID1 "000019"));
	assert_null(strstr(chain, ID1 "000011"));
	(void)snprintf(id, sizeof(id), "%s000012", ID1);
	assert_memory_equal(chain, id, strlen(id));
}

/* A subject of other letters is encoded in words of at most 75 bytes, none of
 * which ends within a character. */
static void
test_subject(void **state)
{
	struct mail m = sample("");
	struct buf text = BUF_INIT;
	const char *at, *end;
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		buf_adds(&m.body, "\u4f60\u00fc ");
	mail_write(&text, &m);
	at = strstr(text.data, "Subject: =?utf-8?q?");
	assert_non_null(at);
	for (i = 0; (at = strstr(at, "=?utf-8?q?")) != NULL; i++, at = end) {
		end = strstr(at + 10, "?=");
		assert_non_null(end);
		assert_true(end + 2 - at <= 75);
		assert_true(end[2] == '\n');
		/* a continuing byte, =80 to =BF, never begins a word */
		assert_false(at[10] == '=' && strchr("89AB", at[11]) != NULL);
	}
	assert_true(i > 1);
	buf_free(&text);
	mail_free(&m);
}

static void
test_foreign(void **state)
{
	static const char text[] = "Status: RO\n"
				   "from: \"a\" <a@h>\n"
				   "TO:\t\"b\"\n"
				   "  <b@h>\n"
				   "X-Other: caf\xc3\xa9\n"
				   "message-id: <" ID1 "@panemesh>\n"
				   "\n"
				   "body\n";
	struct mail m;
	struct err e;

	(void)state;
	assert_int_equal(mail_parse(&m, "it", text, sizeof(text) - 1, &e), 0);
	assert_string_equal(m.from, "a");
	assert_string_equal(m.to, "b");
	assert_string_equal(m.body.data, "body");
	mail_free(&m);
}

static void
test_bad(void **state)
{
#define HEAD "From: \"a\" <a@h>\nTo: \"b\" <b@h>\n"
#define MID "Message-ID: <" ID1 "@panemesh>\n"
	static const char *const bad[] = { "", "x", "\n\n", "no header\n\nx\n",
		HEAD "\nx\n", HEAD MID, HEAD MID "\nx", MID "\nx\n",
		"From: a@h\nTo: \"b\" <b@h>\n" MID "\nx\n",
		"From: \"../a\" <a@h>\nTo: \"b\" <b@h>\n" MID "\nx\n",
		"From: \"a\" <a@h>\nTo: \"b/..\" <b@h>\n" MID "\nx\n",
		HEAD "Message-ID: <../../../../../x@panemesh>\n\nx\n",
		HEAD "Message-ID: <" ID1 "@other>\n\nx\n",
		HEAD MID "X-Panemesh-Hops: -1\n\nx\n",
		HEAD MID "X-Panemesh-Expires: soon\n\nx\n",
		HEAD MID "X-Panemesh-Folder: ../../x\n\nx\n",
		HEAD MID "X-Panemesh-Note: \033[2J\n\nx\n",
		HEAD MID "In-Reply-To: <x@panemesh>\n\nx\n",
		HEAD MID "\n\xff\n" };
	struct mail m;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		assert_int_equal(
		    mail_parse(&m, "it", bad[i], strlen(bad[i]), &e), -1);
		assert_err(e, EXIT_LOCAL, "it: ");
		mail_free(&m);
	}
}

static void
test_limits(void **state)
{
	struct mail m = sample(""), back;
	struct buf text = BUF_INIT;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < MAIL_BODY_MAX; i++)
		buf_addc(&m.body, 'x');
	assert_false(m.body.overflow);
	mail_write(&text, &m);
	assert_int_equal(mail_parse(&back, "it", text.data, text.len, &e), 0);
	mail_free(&back);
	buf_adds(&text, "y\n");
	assert_int_equal(mail_parse(&back, "it", text.data, text.len, &e), -1);
	mail_free(&back);
	mail_free(&m);
	buf_reset(&text);
	buf_adds(&text, HEAD MID "X-Long: ");
	for (i = 0; i < 1000; i++)
		buf_addc(&text, 'x');
	buf_adds(&text, "\n\nx\n");
	assert_int_equal(mail_parse(&back, "it", text.data, text.len, &e), -1);
	mail_free(&back);
	buf_free(&text);
}

/* Cut anywhere or with any one byte changed: an error or a message, never more.
 */
static void
test_damage(void **state)
{
	struct mail m = sample("some body"), back;
	struct buf text = BUF_INIT;
	size_t i;
	int c;

	(void)state;
	m.hops = 2;
	(void)snprintf(m.reply_to, sizeof(m.reply_to), "%s", ID2);
	mail_write(&text, &m);
	for (i = 0; i < text.len; i++) {
		(void)mail_parse(&back, "it", text.data, i, NULL);
		mail_free(&back);
		for (c = 0; c < 256; c += 5) {
			char was = text.data[i];

			text.data[i] = (char)c;
			if (mail_parse(
				&back, "it", text.data, text.len, NULL) == 0)
				assert_true(mail_id_ok(back.id));
			mail_free(&back);
			text.data[i] = was;
		}
	}
	buf_free(&text);
	mail_free(&m);
}

static void
test_ids(void **state)
{
	(void)state;
	assert_true(mail_id_ok(ID1));
	assert_true(mail_id_ok(ID1 ".12345"));
	assert_false(mail_id_ok(ID1 ".123456"));
	assert_false(mail_id_ok(ID1 "."));
	assert_false(mail_id_ok(ID1 ".x"));
	assert_false(mail_id_ok(ID1 ".1.2"));
	assert_false(mail_id_ok("abc"));
	assert_false(mail_id_ok("..aaaaaaaaaaaaaaaaaa"));
	assert_false(mail_id_ok("ABCDEFGHIJ0123456789"));
}

static void
test_brief(void **state)
{
	static const struct {
		const char *body, *want;
		unsigned columns;
	} row[] = { { "short", "short", 10 },
		{ "exactly 10", "exactly 10", 10 },
		{ "eleven char", "eleven ...", 10 },
		{ "two\nlines", "two \u23ce lines", 20 },
		{ "a\033[2Jb", "a[2Jb", 20 },
		{ "\u4f60\u4f60\u4f60\u4f60\u4f60\u4f60",
		    "\u4f60\u4f60\u4f60...", 10 } };
	struct buf out = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(row); i++) {
		buf_reset(&out);
		mail_brief(
		    &out, row[i].body, strlen(row[i].body), row[i].columns);
		assert_string_equal(out.data, row[i].want);
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_card),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_subject),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_brief),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
