/* doctor: words for the shell, keys that are bound, lines of tmux.conf. */
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "unit.h"

/* The clock of the lock's holder can be put ahead. */
static time_t ahead;

static int
ahead_gettime(clockid_t id, struct timespec *now)
{
	int rc = clock_gettime(id, now);

	now->tv_sec += ahead;
	return rc;
}

#define clock_gettime ahead_gettime
#include "../../src/doctor_lock.c"
#undef clock_gettime
#include "../../src/doctor_files.c"
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

static void
test_home_shared(void **state)
{
	static const unsigned long shared[] = { 0x6969, 0xff534d42, 0xfe534d42,
		0x01021997, 0x00c36400 };
	static const unsigned long own[] = { 0xef53 /* ext */,
		0x01021994 /* tmpfs */, 0x794c7630 /* overlay */, 0 };
	struct statfs fs = { .f_type = 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		fs.f_type = (__typeof__(fs.f_type))shared[i];
		assert_true(home_is_shared(&fs));
	}
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		fs.f_type = (__typeof__(fs.f_type))own[i];
		assert_false(home_is_shared(&fs));
	}
	/* Where the type is an int of 32 bits it is negative. */
	fs.f_type = (__typeof__(fs.f_type))(int32_t)0xff534d42;
	assert_true(home_is_shared(&fs));
}

/* A process that holds the lock, once it does. */
static pid_t
lock_child(const char *path)
{
	int said[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(said), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDWR | O_CLOEXEC);

		if (flock(fd, LOCK_EX) == 0 && write(said[1], "x", 1) == 1)
			(void)pause();
		_exit(0);
	}
	(void)close(said[1]);
	assert_int_equal(read(said[0], &c, 1), 1);
	(void)close(said[0]);
	return pid;
}

/* A live process that holds a lock too long, and the command that ends it. */
static void
test_lock_long(void **state)
{
	char path[] = "/tmp/pm-unit-lock.XXXXXX", want[64];
	struct doctor_report r = DOCTOR_REPORT_INIT;
	struct doctor d = { .report = &r };
	struct argv argv = ARGV_INIT;
	struct proc mend = { .argv = &argv, .timeout_ms = 10000 };
	int fd = mkstemp(path);
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	assert_false(doctor_held(&d, path, "nobody"));
	pid = lock_child(path);
	assert_int_equal(doctor_holder(path), pid);
	ahead = LOCK_LONG_S - 60;
	assert_false(doctor_held(&d, path, "nobody"));
	ahead = LOCK_LONG_S + 10;
	assert_true(doctor_held(&d, path, "a sync"));
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].state, DOCTOR_BAD);
	assert_non_null(strstr(r.v[0].cause, "which runs for 13"));
	assert_non_null(strstr(r.v[0].cause, "a sync waits"));
	(void)snprintf(want, sizeof(want), "kill %d", (int)pid);
	assert_string_equal(r.v[0].mend, want);
	argv_addl(&argv, "sh", "-c", r.v[0].mend, NULL);
	assert_int_equal(proc_run(&mend, NULL), 0);
	assert_int_equal(mend.status, 0);
	argv_free(&argv);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(doctor_held(&d, path, "a sync"));
	ahead = 0;
	doctor_report_free(&r);
	(void)unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_conf_word),
		cmocka_unit_test(test_home_shared),
		cmocka_unit_test(test_lock_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
