#include "host.h"

#include "contact.h"
#include "exchange.h"
#include "file.h"
#include "path.h"
#include "registry.h"
#include "str.h"

enum { NOW = 1790000000, MINUTE = 60 * 1000 };

#define T0 ((int64_t)NOW * 1000)
#define ID "0123456789abcdef"
#define OTHER "fedcba9876543210"

static struct home home;
static char *dir;

static int
setup(void **state)
{
	(void)state;
	dir = host_up(&home, T0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	host_down(&home, dir);
	return 0;
}

static int
take(const char *alias, const char *host, const char *text, bool *changed,
    struct err *e)
{
	return exchange_take(
	    &home, alias, host, text, strlen(text), changed, e);
}

/* Taken, and was the file written? */
static bool
taken(const char *alias, const char *host, int64_t generation, const char *role)
{
	char *text = host_slice(host, ID, generation, role);
	bool changed;
	struct err e = { .msg = "" };

	if (take(alias, host, text, &changed, &e) != 0)
		fail_msg("%s", e.msg);
	x_free(text);
	return changed;
}

/* The text of hosts/NAME; "" if there is none. Malloc'd. */
static char *
kept(const char *name)
{
	struct buf b = BUF_INIT_MAX(2UL * SLICE_SIZE_MAX);

	(void)file_read(unit_path(home.hosts, name), &b, NULL);
	return buf_steal(&b);
}

static void
assert_kept(const char *name, const char *part)
{
	char *text = kept(name);

	if (strstr(text, part) == NULL)
		fail_msg("%s: \"%s\" lacks \"%s\"", name, text, part);
	x_free(text);
}

/* `text` from `host` is refused because of `why`, put aside, and the slice we
 * have stays. */
static void
refused(const char *alias, const char *host, const char *text, const char *why)
{
	char *name = x_asprintf("%s.toml", host), *before = kept(name), *after;
	char *bad = x_asprintf("%s.bad", host);
	bool changed = true;
	struct err e;

	assert_int_equal(take(alias, host, text, &changed, &e), -1);
	assert_err(e, EXIT_REFUSED, why);
	assert_false(changed);
	after = kept(name);
	assert_string_equal(after, before);
	assert_kept(bad, "# refused 2026-");
	assert_kept(bad, why);
	x_free(name);
	x_free(bad);
	x_free(before);
	x_free(after);
}

/* What the last conversation by `alias` came to. */
static void
contacted(const char *alias, const char *host, const char *failed)
{
	struct contact c = { .answered = T0 };
	struct err e;

	(void)snprintf(c.host, sizeof(c.host), "%s", host);
	(void)snprintf(c.failed, sizeof(c.failed), "%s", failed);
	assert_int_equal(contact_save(&c, &home, alias, &e), 0);
}

static void
assert_by(const char *host, const char *alias)
{
	struct slice_came came;

	exchange_came(&home, host, &came);
	assert_string_equal(came.by, alias);
}

static void
peers_conf(const char *text)
{
	unit_file(unit_path(home.dir, "peers.conf"), text, 0600);
}

static void
test_taken(void **state)
{
	char id[HOME_ID_LEN + 1];
	struct slice_came came;
	int64_t generation;

	(void)state;
	exchange_have(&home, "hub", &generation, id);
	assert_int_equal(generation, 0);
	assert_string_equal(id, "");
	assert_true(taken("h", "hub", T0, "a"));
	assert_kept("hub.toml", "# came 2026-09-21T");
	assert_kept("hub.toml", " by h\n[slices.hub]\n");
	exchange_have(&home, "hub", &generation, id);
	assert_int_equal(generation, T0);
	assert_string_equal(id, ID);
	exchange_came(&home, "hub", &came);
	assert_int_equal(came.ms, T0);
	assert_string_equal(came.by, "h");

	/* The same again writes nothing, whoever brings it. */
	assert_false(taken("h", "hub", T0, "a"));
	assert_false(taken(NULL, "hub", T0, "a"));
	/* A new one that it pushes itself keeps the alias. */
	assert_true(taken(NULL, "hub", T0 + 1, "b"));
	exchange_came(&home, "hub", &came);
	assert_string_equal(came.by, "h");
	/* One that does not change is confirmed now and then. */
	clock_freeze(T0 + 7LL * 60 * MINUTE);
	assert_true(taken(NULL, "hub", T0 + 1, "b"));
	exchange_came(&home, "hub", &came);
	assert_int_equal(came.ms, T0 + 7LL * 60 * MINUTE);
	assert_false(taken(NULL, "hub", T0 + 1, "b"));
	/* An alias that is no peer any more makes room for one that is. */
	peers_conf("h\n");
	assert_false(taken("other", "hub", T0 + 1, "b"));
	peers_conf("other\n");
	assert_true(taken("other", "hub", T0 + 1, "b"));
	exchange_came(&home, "hub", &came);
	assert_string_equal(came.by, "other");
}

/* A host_id is no secret: another line says it too, with a newer slice. */
static void
test_name_of_another_line(void **state)
{
	char *text = host_slice("hub", ID, T0 + 9LL * MINUTE, "evil");

	(void)state;
	peers_conf("h\nevil\n");
	assert_true(taken("h", "hub", T0, "a"));
	contacted("h", "hub", "");
	contacted("evil", "hub", "");
	/* While the first one answers, that is as two lines of one host. */
	assert_false(taken("evil", "hub", T0 + 9LL * MINUTE, "evil"));
	assert_false(taken("evil", "hub", T0, "evil"));
	assert_kept("hub.toml", "role = \"a\"");
	assert_by("hub", "h");
	assert_true(exchange_has_way(&home, "hub", "evil"));
	/* It is not kept out by a number. */
	assert_true(taken("h", "hub", T0 + 1, "b"));
	assert_true(taken(NULL, "hub", T0 + 2, "c"));
	assert_by("hub", "h");
	/* It fails: a person has to say who it is. */
	contacted("h", "hub", "no route to host");
	refused("evil", "hub", text,
	    "name is of h in peers.conf, which failed; if evil is that host: "
	    "agent-sync peer rm h");
	assert_by("hub", "h");
	/* Nor does the old text confirm itself there. */
	clock_freeze(T0 + 7LL * 60 * MINUTE);
	assert_false(taken("evil", "hub", T0 + 2, "c"));
	assert_by("hub", "h");
	assert_true(taken("h", "hub", T0 + 2, "c"));
	/* One of the two lines is gone, or leads to another host now. */
	peers_conf("h\nother\n");
	contacted("h", "lap", "");
	assert_true(taken("other", "hub", T0 + 3, "d"));
	assert_by("hub", "other");
	peers_conf("h\n");
	assert_true(taken("h", "hub", T0 + 4, "e"));
	assert_by("hub", "h");
	x_free(text);
}

/* What stands under its very name in peers.conf. */
static void
test_name_of_its_line(void **state)
{
	char *text = host_slice("hub", ID, T0 + 1, "evil");

	(void)state;
	peers_conf("hub\nevil\n");
	assert_false(taken("evil", "hub", T0, "evil"));
	assert_true(taken(NULL, "hub", T0, "a"));
	assert_false(taken("evil", "hub", T0, "a"));
	assert_false(taken("evil", "hub", T0 + 1, "evil"));
	assert_by("hub", "");
	contacted("hub", "", "no route to host");
	refused("evil", "hub", text, "name is of hub in peers.conf, which");
	peers_conf("hub dial=no\nevil\n");
	refused("evil", "hub", text, "is not dialled");
	peers_conf("evil\nhub through=evil\n");
	refused("evil", "hub", text, "is not dialled");
	/* A line of that name that leads elsewhere. */
	peers_conf("hub\nother\n");
	contacted("hub", "lap", "");
	assert_true(taken("other", "hub", T0 + 1, "b"));
	assert_by("hub", "other");
	x_free(text);
}

static void
test_forged(void **state)
{
	char *text = host_slice("lap", ID, T0, "a"), *bad;
	struct buf both = BUF_INIT;

	(void)state;
	refused("h", "hub", text, "publishes only its own");
	/* Our own host's name. */
	bad = host_slice("me", ID, T0, "a");
	refused("h", "me", bad, "the name of this host");
	refused("h", "hub", bad, "the name of this host");
	x_free(bad);
	/* An entry of another host; another slice's table. */
	buf_adds(&both,
	    "[slices.hub]\nversion = 1\nhost_id = \"" ID "\"\n"
	    "generation = 5\n");
	buf_adds(&both, strstr(text, "[agents"));
	refused(NULL, "hub", both.data, "host is 'lap'");
	buf_reset(&both);
	buf_adds(&both, text);
	buf_adds(&both, "[slices.hub]\nversion = 1\n");
	refused(NULL, "lap", both.data, "must hold one host");
	x_free(text);
	buf_free(&both);
}

static void
test_pinned(void **state)
{
	char *text = host_slice("hub", OTHER, T0 + 2, "a");

	(void)state;
	assert_true(taken("h", "hub", T0, "a"));
	refused("h", "hub", text, "host_id");
	x_free(text);
	/* Nor the same generation from there. */
	text = host_slice("hub", OTHER, T0, "a");
	refused("h", "hub", text, "host_id");
	x_free(text);
}

/* A file that a crash cut short below its table comes again. */
static void
test_damaged(void **state)
{
	const char *path = unit_path(home.hosts, "hub.toml");
	char id[HOME_ID_LEN + 1];
	char *text = host_slice("hub", OTHER, T0, "a");
	struct stat st;
	int64_t generation;

	(void)state;
	assert_true(taken("h", "hub", T0, "a"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 9), 0);
	exchange_have(&home, "hub", &generation, id);
	assert_int_equal(generation, 0);
	refused("h", "hub", text, "host_id");
	x_free(text);
	assert_true(taken("h", "hub", T0, "a"));
	exchange_have(&home, "hub", &generation, id);
	assert_int_equal(generation, T0);
	assert_false(taken("h", "hub", T0, "a"));
}

static void
test_generations(void **state)
{
	char *text;
	bool changed;
	struct err e;

	(void)state;
	text = host_slice("hub", ID, T0 + 10LL * MINUTE + 1, "a");
	refused("h", "hub", text, "future");
	x_free(text);
	assert_true(taken("h", "hub", T0 + 10LL * MINUTE, "a"));

	/* The same generation with other words: of its host, as a later
	 * version understands it. */
	assert_true(taken("h", "hub", T0 + 10LL * MINUTE, "b"));
	assert_true(taken(NULL, "hub", T0 + 10LL * MINUTE, "c"));
	assert_false(taken("h", "hub", T0 + 10LL * MINUTE, "c"));

	/* An older one that was overtaken is no harm; later it is. */
	text = host_slice("hub", ID, T0 + 1, "b");
	clock_freeze(T0 + MINUTE - 1);
	assert_int_equal(take("h", "hub", text, &changed, &e), 0);
	assert_false(changed);
	clock_freeze(T0 + MINUTE);
	refused("h", "hub", text, "not newer");
	x_free(text);
}

static void
test_clock_set_back(void **state)
{
	(void)state;
	clock_freeze(T0 + 60LL * MINUTE);
	assert_true(taken("h", "hub", T0 + 60LL * MINUTE, "a"));
	clock_freeze(T0);
	assert_true(taken("h", "hub", T0, "b"));
}

static void
test_not_toml(void **state)
{
	struct buf big = BUF_INIT_MAX(2UL * SLICE_SIZE_MAX);
	struct stat st;
	bool changed;
	struct err e;

	(void)state;
	refused(
	    "h", "hub", "\033]0;x\a garbage\n\xff\n", "slice of 'hub':1:1:");
	/* What was refused can be looked at. */
	assert_kept("hub.bad", "\\x1b]0;x\\x07 garbage\n\\xff\n");
	refused("h", "hub", "[agents.a]\nhost = \"hub\"\n[agents.a]\n", ":3:");
	while (big.len <= SLICE_SIZE_MAX)
		buf_adds(&big, "# long long long long long long long long\n");
	assert_int_equal(
	    exchange_take(&home, "h", "hub", big.data, big.len, &changed, &e),
	    -1);
	assert_err(e, EXIT_REFUSED, "larger than");
	assert_int_equal(stat(unit_path(home.hosts, "hub.bad"), &st), 0);
	assert_true(st.st_size < 70000);
	buf_free(&big);

	/* A name that would be a path. */
	assert_int_equal(take("h", "../x", "", &changed, &e), -1);
	assert_err(e, EXIT_REFUSED, "no host alias");
	assert_int_equal(take("h", "", "", &changed, &e), -1);
	assert_err(e, EXIT_REFUSED, "no host alias");
}

static void
test_bad_is_forgotten(void **state)
{
	struct stat st;

	(void)state;
	clock_freeze(-1);
	refused("h", "hub", "x", "slice of 'hub'");
	assert_true(taken("h", "hub", 5, "a"));
	assert_kept("hub.bad", "# refused");
	clock_freeze(clock_real_ms() + 25LL * 60 * MINUTE);
	assert_true(taken("h", "hub", 6, "a"));
	assert_int_not_equal(stat(unit_path(home.hosts, "hub.bad"), &st), 0);
}

#define BASH(host, role)                                                       \
	"[agents." host "-dev-w]\nhost   = \"" host "\"\ntarget = \"dev:0\"\n" \
	"session = \"dev\"\nwindow = \"w\"\nrole   = \"" role                  \
	"\"\nscope  = \"Window target dev:0; current path /home/u\"\n"

static void
test_bash(void **state)
{
	char id[HOME_ID_LEN + 1], *text;
	int64_t generation;
	bool changed;
	struct err e;

	(void)state;
	assert_int_equal(take("old", "old", BASH("old", "a"), &changed, &e), 0);
	assert_true(changed);
	assert_kept("old.toml", " by old\n[agents.old-dev-w]\n");
	exchange_have(&home, "old", &generation, id);
	assert_int_equal(generation, 0);
	assert_string_equal(id, "");
	assert_int_equal(take("old", "old", BASH("old", "a"), &changed, &e), 0);
	assert_false(changed);
	assert_int_equal(take("old", "old", BASH("old", "b"), &changed, &e), 0);
	assert_true(changed);
	/* No windows: an empty file. */
	assert_int_equal(take("old", "old", "", &changed, &e), 0);
	assert_true(changed);
	/* Without a host_id it is bound to the way it came. */
	refused("evil", "old", BASH("old", "c"), "by 'old' already");
	refused("evil", "old", BASH("me", "c"), "name of this host");
	refused("evil", "evil", BASH("old", "c"), "publishes only its own");
	/* panemesh is installed there; going back takes a person. */
	text = host_slice("old", ID, T0, "a");
	assert_int_equal(take("old", "old", text, &changed, &e), 0);
	x_free(text);
	refused("old", "old", BASH("old", "d"), "install panemesh there");
}

static void
test_too_many(void **state)
{
	char name[64];
	bool changed;
	struct stat st;
	struct err e;
	char *text;
	int i;

	(void)state;
	assert_true(taken("h", "hub", T0, "a"));
	for (i = 1; i < EXCHANGE_HOSTS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "x%d.toml", i);
		unit_file(unit_path(home.hosts, name), "", 0600);
	}
	text = host_slice("lap", ID, T0, "a");
	assert_int_equal(take("h", "lap", text, &changed, &e), -1);
	assert_err(e, EXIT_REFUSED, "holds 2000 files");
	assert_int_not_equal(stat(unit_path(home.hosts, "lap.bad"), &st), 0);
	x_free(text);
	assert_true(taken("h", "hub", T0 + 1, "a"));
}

static void
test_cannot_write(void **state)
{
	char *text = host_slice("hub", ID, T0, "a"), *hosts = home.hosts;
	bool changed;
	struct err e;

	(void)state;
	home.hosts = path_join(dir, "none");
	assert_int_equal(take("h", "hub", text, &changed, &e), -1);
	assert_err(e, EXIT_LOCAL, "none/hub.toml");
	x_free(home.hosts);
	home.hosts = hosts;
	/* What a killed writer left behind goes with the next one. */
	unit_file(unit_path(home.hosts, "hub.toml.tmp.AbCdEf"), "x", 0600);
	assert_int_equal(take("h", "hub", text, &changed, &e), 0);
	assert_int_not_equal(
	    access(unit_path(home.hosts, "hub.toml.tmp.AbCdEf"), F_OK), 0);
	x_free(text);
}

static void
test_route(void **state)
{
	static const char conf[] = "h\nlap\nzzz\n";
	struct peers peers = PEERS_INIT;
	const struct peer *peer;
	struct err e;

	(void)state;
	assert_int_equal(
	    peers_parse(&peers, "peers.conf", conf, strlen(conf), &e), 0);
	assert_null(exchange_route(&home, &peers, "hub", &e));
	assert_err(e, EXIT_WIRE, "no route; agent-sync peer add hub");
	assert_true(taken("h", "hub", T0, "a"));
	peer = exchange_route(&home, &peers, "hub", &e);
	assert_non_null(peer);
	assert_string_equal(peer->alias, "h");
	/* Of that very name, without a slice and with one by a gone alias. */
	peer = exchange_route(&home, &peers, "lap", &e);
	assert_non_null(peer);
	assert_string_equal(peer->alias, "lap");
	assert_true(taken("gone", "zzz", T0, "a"));
	peer = exchange_route(&home, &peers, "zzz", &e);
	assert_non_null(peer);
	assert_string_equal(peer->alias, "zzz");
	assert_null(exchange_route(&home, &peers, "../hosts/hub", &e));
	peers_free(&peers);
}

static void
test_publish(void **state)
{
	struct buf out = BUF_INIT;
	char *text = host_slice("me", home.host_id, T0 - 5, "tests C");
	int64_t generation;
	struct slice s;
	struct err e;

	(void)state;
	/* None yet: an empty one. */
	assert_int_equal(
	    exchange_publish(&home, false, &out, &generation, &e), 0);
	assert_int_equal(generation, T0);
	assert_non_null(strstr(out.data, "[slices.me]\n"));
	buf_reset(&out);

	unit_file(home.local, text, 0600);
	assert_int_equal(
	    exchange_publish(&home, false, &out, &generation, &e), 0);
	assert_int_equal(generation, T0 - 5);
	assert_string_equal(out.data, text);
	buf_reset(&out);

	assert_int_equal(
	    exchange_publish(&home, true, &out, &generation, &e), 0);
	assert_int_equal(generation, T0 - 5);
	assert_null(strstr(out.data, "target"));
	assert_null(strstr(out.data, "socket"));
	assert_null(strstr(out.data, "pane"));
	assert_null(strstr(out.data, "path"));
	assert_non_null(strstr(out.data,
	    "narrow = true\n[agents.me-dev-w]\nhost = \"me\"\n"
	    "role = \"tests C\"\nscope = \"\"\n"));
	assert_int_equal(slice_parse(&s, "x", out.data, out.len, &e), 0);
	assert_true(s.narrow);
	assert_int_equal(s.agents.n, 1);
	slice_free(&s);
	buf_reset(&out);

	/* Old: confirmed first. */
	clock_freeze(T0 + 21LL * 60 * MINUTE);
	assert_int_equal(
	    exchange_publish(&home, false, &out, &generation, &e), 0);
	assert_int_equal(generation, T0 + 21LL * 60 * MINUTE);
	assert_non_null(strstr(out.data, "tests C"));
	buf_reset(&out);

	/* The bash version's goes as it stands, but not narrowed. */
	unit_file(home.local, BASH("me", "a"), 0600);
	assert_int_equal(
	    exchange_publish(&home, false, &out, &generation, &e), 0);
	assert_int_equal(generation, 0);
	assert_string_equal(out.data, BASH("me", "a"));
	buf_reset(&out);
	assert_int_equal(
	    exchange_publish(&home, true, &out, &generation, &e), -1);
	assert_err(e, EXIT_LOCAL, "agent-discover");

	unit_file(home.local, "x", 0600);
	assert_int_equal(
	    exchange_publish(&home, false, &out, &generation, &e), -1);
	assert_err(e, EXIT_LOCAL, "local.toml:1:");
	x_free(text);
	buf_free(&out);
}

static void
test_narrow(void **state)
{
	char *full = host_slice("hub", ID, T0, "a");
	struct buf narrow = BUF_INIT;
	struct slice s;
	bool changed;
	struct err e;

	(void)state;
	assert_int_equal(slice_parse(&s, "x", full, strlen(full), &e), 0);
	slice_narrow(&s);
	slice_write(&narrow, &s);
	slice_free(&s);
	assert_int_equal(take("h", "hub", narrow.data, &changed, &e), 0);
	assert_true(changed);
	/* More of the same is welcome, less is not. */
	assert_int_equal(take("h", "hub", full, &changed, &e), 0);
	assert_true(changed);
	assert_int_equal(take("h", "hub", narrow.data, &changed, &e), 0);
	assert_false(changed);
	assert_kept("hub.toml", "socket");
	x_free(full);
	buf_free(&narrow);
}

/* A slice that nobody confirms is left out after a week. */
static void
test_unconfirmed(void **state)
{
	struct buf text = BUF_INIT;
	int64_t end = T0 + REGISTRY_KEEP_MS;
	struct err e;

	(void)state;
	assert_true(taken("h", "hub", T0, "a"));
	assert_int_equal(registry_assemble(&home, end, &e), 0);
	assert_int_equal(file_read(home.registry, &text, &e), FILE_READ);
	assert_non_null(strstr(text.data, "hub-dev-w"));
	buf_reset(&text);
	assert_int_equal(registry_assemble(&home, end + 1, &e), 0);
	assert_int_equal(file_read(home.registry, &text, &e), FILE_READ);
	assert_null(strstr(text.data, "hub-dev-w"));
	buf_free(&text);
}

static int
third(const char *through, unsigned hops, const char *id, int64_t generation,
    const char *role, bool *changed, struct err *e)
{
	char *text = host_slice("lap", id, generation, role);
	int rc = exchange_take_third(&home, through, "lap", hops, 5 * MINUTE,
	    text, strlen(text), changed, e);

	x_free(text);
	return rc;
}

/* From the host itself and through another one, in all orders. */
static void
test_third(void **state)
{
	struct slice_came came;
	struct err e;
	bool changed;

	(void)state;
	assert_int_equal(third("hub", 1, ID, T0, "a", &changed, &e), 0);
	assert_true(changed);
	assert_kept("lap.toml", " through hub 1\n[slices.lap]\n");
	exchange_came(&home, "lap", &came);
	assert_int_equal(came.ms, T0 - 5 * MINUTE);
	/* Again, by whomever: nothing. */
	assert_int_equal(third("hub", 1, ID, T0, "a", &changed, &e), 0);
	assert_false(changed);
	assert_int_equal(third("web", 2, ID, T0, "a", &changed, &e), 0);
	assert_false(changed);
	/* Another text of that generation, an older one, another machine. */
	assert_int_equal(third("web", 2, ID, T0, "b", &changed, &e), -1);
	assert_err(e, EXIT_REFUSED, "not newer");
	assert_int_equal(third("web", 2, ID, T0 - 1, "b", &changed, &e), -1);
	assert_err(e, EXIT_REFUSED, "not newer");
	assert_int_equal(third("hub", 1, OTHER, T0 + 1, "b", &changed, &e), -1);
	assert_err(e, EXIT_REFUSED, "is not the known " ID);
	assert_kept("lap.bad", " through hub: ");
	/* Over no host, over too many. */
	assert_int_equal(third("hub", 0, ID, T0 + 1, "b", &changed, &e), -1);
	assert_err(e, EXIT_REFUSED, "over 0 hosts");
	assert_int_equal(third("hub", 6, ID, T0 + 1, "b", &changed, &e), -1);
	assert_err(e, EXIT_REFUSED, "over 6 hosts");
	/* A newer one, as far as may be. */
	assert_int_equal(third("web", 5, ID, T0 + 9, "b", &changed, &e), 0);
	assert_true(changed);
	assert_kept("lap.toml", " through web 5\n");
	assert_false(exchange_has(&home, "lap", T0 + 9));

	/* The host itself is believed whatever others said of it, but pinned
	 * all the same. */
	char *other = host_slice("lap", OTHER, T0 + 10, "c");

	refused("lap", "lap", other, "is not the known " ID);
	x_free(other);
	assert_true(taken(NULL, "lap", T0 + 5, "c"));
	assert_kept("lap.toml", " from the host itself\n");
	assert_kept("lap.toml", "\"c\"");
	assert_int_equal(third("hub", 1, ID, T0 + 5, "lie", &changed, &e), 0);
	assert_false(changed);
	assert_true(taken("l", "lap", T0 + 6, "d"));
	assert_int_equal(third("hub", 1, ID, T0 + 7, "e", &changed, &e), 0);
	assert_true(changed);
	assert_kept("lap.toml", " through hub 1 by l\n");
	/* Also of one generation. */
	assert_true(taken("l", "lap", T0 + 7, "e"));
	assert_kept("lap.toml", " by l\n");
	exchange_came(&home, "lap", &came);
	assert_int_equal(came.hops, 0);
}

/* Who says no host_id, and who we are. */
static void
test_third_refused(void **state)
{
	static const char bash[] =
	    "[agents.lap-x]\nhost = \"lap\"\n"
	    "target = \"x:0\"\nsession = \"x\"\n"
	    "window = \"x\"\nrole = \"\"\nscope = \"\"\n";
	char *text = host_slice("me", ID, T0, "a");
	struct err e;
	bool changed;

	(void)state;
	assert_int_equal(exchange_take_third(&home, "hub", "lap", 1, 0, bash,
			     strlen(bash), &changed, &e),
	    -1);
	assert_err(e, EXIT_REFUSED, "says no host_id");
	assert_int_equal(exchange_take_third(&home, "hub", "me", 1, 0, text,
			     strlen(text), &changed, &e),
	    -1);
	assert_err(e, EXIT_REFUSED, "the name of this host");
	assert_int_equal(exchange_take_third(&home, "hub", "lap", 1, 0, text,
			     strlen(text), &changed, &e),
	    -1);
	assert_err(e, EXIT_REFUSED, "name of this host");
	x_free(text);
	text = host_slice("web", ID, T0, "a");
	assert_int_equal(exchange_take_third(&home, "hub", "lap", 1, 0, text,
			     strlen(text), &changed, &e),
	    -1);
	assert_err(e, EXIT_REFUSED, "only its own");
	x_free(text);
}

static int
give(const char *host, const char *asker, int64_t have, struct buf *out,
    struct slice_came *came, struct err *e)
{
	int64_t generation;

	buf_reset(out);
	return exchange_give(
	    &home, host, asker, have, out, &generation, came, e);
}

static void
test_give(void **state)
{
	struct buf out = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice_came came;
	struct err e;
	bool changed;

	(void)state;
	assert_int_equal(give("lap", "x", 0, &out, &came, &e), -1);
	assert_err(e, EXIT_UNKNOWN, "no slice of it is here");
	assert_int_equal(give("../x", "x", 0, &out, &came, &e), -1);
	assert_err(e, EXIT_USAGE, "is no host");
	assert_true(taken(NULL, "lap", T0, "a"));
	assert_int_equal(give("lap", "x", T0 - 1, &out, &came, &e), 0);
	assert_true(str_starts(out.data, "[slices.lap]\n"));
	assert_int_equal(came.hops, 0);
	assert_int_equal(give("lap", "x", T0, &out, &came, &e), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(give("lap", "x", T0 + 1, &out, &came, &e), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(give("lap", "lap", 0, &out, &came, &e), -1);
	assert_err(e, EXIT_UNKNOWN, "comes from lap itself");
	/* Never back, and not for ever. */
	assert_int_equal(third("web", 4, ID, T0 + 1, "a", &changed, &e), 0);
	assert_int_equal(give("lap", "web", 0, &out, &came, &e), -1);
	assert_err(e, EXIT_UNKNOWN, "comes from web itself");
	assert_int_equal(give("lap", "x", 0, &out, &came, &e), 0);
	assert_int_equal(came.hops, 4);
	assert_int_equal(third("web", 5, ID, T0 + 2, "a", &changed, &e), 0);
	assert_int_equal(give("lap", "x", 0, &out, &came, &e), -1);
	assert_err(e, EXIT_REFUSED, "over 5 hosts");
	/* An age is passed on: it counts from when the host said it. */
	assert_true(taken(NULL, "lap", T0 + 3, "a"));
	clock_freeze(T0 + REGISTRY_KEEP_MS + 1);
	assert_int_equal(give("lap", "x", 0, &out, &came, &e), -1);
	assert_err(e, EXIT_UNKNOWN, "none of these days");
	buf_free(&out);
}

static void
test_route_third(void **state)
{
	static const char conf[] = "hub\nlap through=hub\nl\n";
	struct peers peers;
	struct err e;
	bool changed;

	(void)state;
	assert_int_equal(peers_parse(&peers, "p", conf, strlen(conf), &e), 0);
	assert_int_equal(third("hub", 1, ID, T0, "a", &changed, &e), 0);
	assert_null(exchange_route(&home, &peers, "lap", &e));
	assert_err(e, EXIT_WIRE, "known through hub only");
	/* One that is dialled all the same. */
	assert_true(taken("l", "lap", T0, "a"));
	assert_ptr_equal(
	    exchange_route(&home, &peers, "lap", &e), peers_find(&peers, "l"));
	peers_free(&peers);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_taken),
		T(test_name_of_another_line),
		T(test_name_of_its_line),
		T(test_forged),
		T(test_pinned),
		T(test_damaged),
		T(test_generations),
		T(test_clock_set_back),
		T(test_not_toml),
		T(test_bad_is_forgotten),
		T(test_bash),
		T(test_too_many),
		T(test_cannot_write),
		T(test_route),
		T(test_publish),
		T(test_narrow),
		T(test_unconfirmed),
		T(test_third),
		T(test_third_refused),
		T(test_give),
		T(test_route_third),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
