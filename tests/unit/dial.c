#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

/* Its race is driven with addresses that no resolver would give. */
#include "../../src/dial.c"

static int held[64];
static unsigned held_n;

/* A socket that listens on 127.0.0.1 (or ::1); *port is where. */
static int
listener(int family, int backlog, char port[16])
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = family == AF_INET ? sizeof(four) : sizeof(six);
	struct sockaddr *at = family == AF_INET ? (struct sockaddr *)&four
						: (struct sockaddr *)&six;
	int fd = socket(family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	if (bind(fd, at, len) != 0) {
		(void)close(fd);
		return -1;
	}
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, at, &len), 0);
	(void)snprintf(port, 16, "%u",
	    (unsigned)ntohs(family == AF_INET ? four.sin_port : six.sin6_port));
	return fd;
}

/* Fill its backlog: from now on the kernel drops who knocks. */
static void
deafen(const char *port)
{
	const struct dial d = { .host = "127.0.0.1", .port = port };
	int fd;

	do {
		fd = dial_tcp(&d, clock_deadline(200), NULL);
		if (fd >= 0)
			held[held_n++] = fd;
	} while (fd >= 0 && held_n < 64);
	assert_true(held_n > 0 && fd < 0);
}

static void
let_go(void)
{
	while (held_n > 0)
		(void)close(held[--held_n]);
}

static void
test_connects(void **state)
{
	struct dial d = { .host = "127.0.0.1" };
	char port[16];
	struct err e;
	int fd, ours, on;
	socklen_t len = sizeof(on);

	(void)state;
	fd = listener(AF_INET, 9, port);
	d.port = port;
	ours = dial_tcp(&d, clock_deadline(2000), &e);
	assert_true(ours >= 0);
	assert_true(fcntl(ours, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(ours, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(
	    getsockopt(ours, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_true(on);
	(void)close(ours);
	d.bind = "127.0.0.2";
	ours = dial_tcp(&d, clock_deadline(2000), &e);
	assert_true(ours >= 0);
	(void)close(ours);
	d.bind = "192.0.2.1";
	assert_int_equal(dial_tcp(&d, clock_deadline(2000), &e), -1);
	assert_err(e, EXIT_WIRE, "assign");
	d.bind = NULL;
	d.family = AF_INET6;
	assert_int_equal(dial_tcp(&d, clock_deadline(2000), &e), -1);
	assert_err(e, EXIT_WIRE, "no address");
	(void)close(fd);
	d.family = AF_UNSPEC;
	assert_int_equal(dial_tcp(&d, clock_deadline(2000), &e), -1);
	assert_err(e, EXIT_WIRE, "127.0.0.1 port ");
	assert_err(e, EXIT_WIRE, "refused");
}

static void
test_ipv6(void **state)
{
	struct dial d = { .host = "::1" };
	char port[16];
	struct err e;
	int fd, ours;

	(void)state;
	fd = listener(AF_INET6, 9, port);
	if (fd < 0)
		skip();
	d.port = port;
	ours = dial_tcp(&d, clock_deadline(2000), &e);
	assert_true(ours >= 0);
	(void)close(ours);
	(void)close(fd);
}

static void
test_silence(void **state)
{
	struct dial d = { .host = "127.0.0.1" };
	char port[16];
	int64_t began;
	struct err e;
	int fd;

	(void)state;
	fd = listener(AF_INET, 0, port);
	deafen(port);
	d.port = port;
	began = clock_mono_ms();
	assert_int_equal(dial_tcp(&d, clock_deadline(300), &e), -1);
	assert_err(e, EXIT_WIRE, "no answer");
	assert_in_range(clock_mono_ms() - began, 290, 1300);
	let_go();
	(void)close(fd);
}

/* The first address is dead in silence: the second is there soon after. */
static void
test_dead_first(void **state)
{
	const struct addrinfo hints = { .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST };
	struct addrinfo *dead, *alive, *refused;
	const struct dial d = { .host = "x", .port = "1" };
	struct dial_race race = { .n = 0 };
	char deaf_port[16], port[16], none_port[16];
	int deaf, good, none, fd;
	int64_t began;
	unsigned i;

	(void)state;
	deaf = listener(AF_INET, 0, deaf_port);
	deafen(deaf_port);
	none = listener(AF_INET, 9, none_port);
	good = listener(AF_INET, 9, port);
	(void)close(none);
	assert_int_equal(getaddrinfo("127.0.0.1", deaf_port, &hints, &dead), 0);
	assert_int_equal(
	    getaddrinfo("127.0.0.1", none_port, &hints, &refused), 0);
	assert_int_equal(getaddrinfo("127.0.0.1", port, &hints, &alive), 0);
	race.address[0] = dead;
	race.address[1] = refused;
	race.address[2] = alive;
	race.n = 3;
	began = clock_mono_ms();
	fd = dial_run(&race, &d, clock_deadline(5000));
	assert_true(fd >= 0);
	assert_in_range(clock_mono_ms() - began, DIAL_STAGGER_MS - 1,
	    2 * DIAL_STAGGER_MS + 1000);
	(void)close(fd);
	for (i = 0; i < race.begun; i++)
		if (race.fd[i] >= 0)
			(void)close(race.fd[i]);
	freeaddrinfo(dead);
	freeaddrinfo(refused);
	freeaddrinfo(alive);
	let_go();
	(void)close(good);
	(void)close(deaf);
}

static void
test_order(void **state)
{
	static const int families[] = { AF_INET6, AF_INET6, AF_INET6, AF_INET,
		AF_INET };
	static const unsigned want[] = { 0, 3, 1, 4, 2 };
	struct addrinfo list[UNIT_COUNT(families)] = { { 0 } };
	struct addrinfo many[DIAL_ADDRESSES_MAX + 4] = { { 0 } };
	struct dial_race race = { .n = 0 };
	unsigned i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(list); i++) {
		list[i].ai_family = families[i];
		list[i].ai_next =
		    i + 1 < UNIT_COUNT(list) ? &list[i + 1] : NULL;
	}
	dial_order(&race, list);
	assert_int_equal(race.n, UNIT_COUNT(list));
	for (i = 0; i < race.n; i++)
		assert_ptr_equal(race.address[i], &list[want[i]]);
	for (i = 0; i < UNIT_COUNT(many); i++) {
		many[i].ai_family = AF_INET;
		many[i].ai_next =
		    i + 1 < UNIT_COUNT(many) ? &many[i + 1] : NULL;
	}
	race.n = 0;
	dial_order(&race, many);
	assert_int_equal(race.n, DIAL_ADDRESSES_MAX);
}

/* Wait for what the program says. */
static void
hear(int fd, char *out, size_t size)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&pfd, 1, 5000), 1);
	n = read(fd, out, size - 1);
	assert_true(n >= 0);
	out[n] = '\0';
}

static void
test_command(void **state)
{
	struct dial_command c;
	struct argv argv = ARGV_INIT;
	char got[100];
	struct err e;
	pid_t pid;

	(void)state;
	argv_addl(&argv, "sh", "-c", "echo why >&2; read x; echo got $x",
	    (char *)NULL);
	assert_int_equal(dial_command_start(&c, &argv, &e), 0);
	hear(c.err, got, sizeof(got));
	assert_string_equal(got, "why\n");
	assert_int_equal(write(c.fd, "it\n", 3), 3);
	hear(c.fd, got, sizeof(got));
	assert_string_equal(got, "got it\n");
	dial_command_end(&c);
	assert_int_equal(c.pid, -1);
	dial_command_end(&c);
	argv_free(&argv);
	/* One that does not want to end, with a child. */
	argv_addl(&argv, "sh", "-c",
	    "trap '' TERM; sleep 99 & echo $!; while :; do sleep 1; done",
	    (char *)NULL);
	assert_int_equal(dial_command_start(&c, &argv, &e), 0);
	hear(c.fd, got, sizeof(got));
	pid = (pid_t)strtol(got, NULL, 10);
	assert_true(pid > 1 && kill(pid, 0) == 0);
	dial_command_end(&c);
	clock_nap(100, clock_deadline(100));
	/* A zombie of init's, or gone. */
	assert_true(kill(pid, SIGKILL) == 0 || errno == ESRCH);
	argv_free(&argv);
	argv_add(&argv, "/nonexistent/program");
	assert_int_equal(dial_command_start(&c, &argv, &e), 0);
	hear(c.err, got, sizeof(got));
	assert_non_null(strstr(got, "cannot be run"));
	dial_command_end(&c);
	argv_free(&argv);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connects),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_dead_first),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
