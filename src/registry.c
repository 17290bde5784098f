#include "registry.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "slice.h"

enum {
	REGISTRY_STAMP_MAX = 256, /* bytes of run/registry.stamp */
	REGISTRY_HOSTS_MAX = 4096,
};

/* ---- inputs and stamp ---- */

static int
by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The paths of local.toml and of all peers' slices, sorted by name. */
static void
list_inputs(const struct home *h, struct argv *paths)
{
	struct dirent *entry;
	size_t len;
	char *path;
	DIR *dir;

	argv_add(paths, h->local);
	dir = opendir(h->hosts);
	if (dir == NULL)
		return;
	while (
	    (entry = readdir(dir)) != NULL && paths->n < REGISTRY_HOSTS_MAX) {
		len = strlen(entry->d_name);
		if (entry->d_name[0] == '.' || len <= 5 ||
		    !str_ends(entry->d_name, ".toml"))
			continue;
		path = path_join(h->hosts, entry->d_name);
		argv_add(paths, path);
		x_free(path);
	}
	(void)closedir(dir);
	if (paths->n > 2)
		qsort(paths->v + 1, paths->n - 1, sizeof(*paths->v), by_string);
}

/* Is this an address that begins with the name of such a host? */
static bool
begins_with(const char *address, const char *host, size_t len)
{
	return strncmp(address, host, len) == 0 && address[len] == '-';
}

bool
registry_names(const struct home *h, const char *address, const char *host)
{
	struct argv paths = ARGV_INIT;
	size_t len = strlen(host), other, i;
	bool names = begins_with(address, host, len);
	const char *base;

	if (strlen(h->host) > len &&
	    begins_with(address, h->host, strlen(h->host)))
		names = false;
	list_inputs(h, &paths);
	for (i = 1; i < paths.n && names; i++) {
		base = path_base(paths.v[i]);
		other = strlen(base) - strlen(".toml");
		if (other > len && begins_with(address, base, other))
			names = false;
	}
	argv_free(&paths);
	return names;
}

int
registry_unread(const struct home *h, const char *address, struct err *e)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct argv paths = ARGV_INIT;
	struct slice s = SLICE_INIT;
	const char *base;
	struct err why;
	int unread = 0;
	size_t i;

	list_inputs(h, &paths);
	for (i = 1; i < paths.n && !unread; i++) {
		base = path_base(paths.v[i]);
		if (!begins_with(address, base, strlen(base) - strlen(".toml")))
			continue;
		buf_reset(&text);
		err_clear(&why);
		switch (file_read_ours(paths.v[i], &text, &why)) {
		case FILE_MISSING:
			break;
		case FILE_READ:
			unread = slice_parse(&s, paths.v[i], text.data,
				     text.len, &why) != 0;
			slice_free(&s);
			s = (struct slice)SLICE_INIT;
			break;
		case FILE_FAILED:
			unread = 1;
			break;
		}
		if (unread)
			(void)err_set(e, EXIT_UNKNOWN,
			    "%s: not known, since what its host said last "
			    "cannot be read: %s; agent-doctor has what mends "
			    "it",
			    address, why.msg);
	}
	buf_free(&text);
	argv_free(&paths);
	return unread;
}

/* One number for names and stamps of all inputs. */
static uint64_t
hash_inputs(const struct argv *paths)
{
	struct buf all = BUF_INIT;
	struct file_stamp stamp;
	uint64_t hash;
	size_t i;

	for (i = 0; i < paths->n; i++) {
		stamp = file_stamp(paths->v[i]);
		buf_addf(&all, "%s %" PRIu64 " %" PRId64 " %" PRId64 "\n",
		    paths->v[i], stamp.inode, stamp.size, stamp.mtime_ns);
	}
	hash = str_hash(all.data, all.len);
	buf_free(&all);
	return hash;
}

/* Always of one length, so that a new one covers the old one. */
static char *
stamp_text(const struct file_stamp *registry, uint64_t inputs)
{
	return x_asprintf("%20" PRIu64 " %20" PRId64 " %20" PRId64
			  " %016" PRIx64 "\n",
	    registry->inode, registry->size, registry->mtime_ns, inputs);
}

static bool
stamp_holds(const struct home *h, const struct file_stamp *registry)
{
	char *path = path_join(h->run, "registry.stamp"), *want;
	struct buf text = BUF_INIT_MAX(REGISTRY_STAMP_MAX);
	struct argv inputs = ARGV_INIT;
	bool holds = false;

	if (registry->inode != 0 && file_read(path, &text, NULL) == FILE_READ) {
		list_inputs(h, &inputs);
		want = stamp_text(registry, hash_inputs(&inputs));
		holds = str_eq(want, text.data);
		x_free(want);
	}
	argv_free(&inputs);
	buf_free(&text);
	x_free(path);
	return holds;
}

bool
registry_fresh(const struct home *h)
{
	const struct file_stamp stamp = file_stamp(h->registry);

	return stamp_holds(h, &stamp);
}

/* ---- assembling ---- */

/* The slices of all hosts; the first is ours. */
struct gathered {
	struct slice *slices;
	size_t n;
};

static void
gathered_free(struct gathered *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		slice_free(&g->slices[i]);
	x_free(g->slices);
}

static void
gather(struct gathered *g, const struct home *h, const struct argv *paths,
    int64_t now)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice_came came;
	enum file_found found;
	struct slice *s;
	struct err e;
	size_t i, k;

	g->slices = x_calloc(paths->n, sizeof(*g->slices));
	for (i = 0; i < paths->n; i++) {
		buf_reset(&text);
		err_clear(&e);
		found = file_read_ours(paths->v[i], &text, &e);
		if (found == FILE_MISSING)
			continue;
		slice_read_came(&came, text.data);
		if (i > 0 && came.ms > 0 && now - came.ms > REGISTRY_KEEP_MS)
			continue;
		s = &g->slices[g->n];
		if (found == FILE_FAILED ||
		    slice_parse(s, paths->v[i], text.data, text.len, &e) != 0)
			goto left_out;
		if (i > 0 && str_eq(s->host, h->host)) {
			(void)err_set(&e, EXIT_LOCAL,
			    "%s: says it is this host, '%s'", paths->v[i],
			    h->host);
			goto left_out;
		}
		for (k = 0; k < g->n; k++)
			if (str_eq(g->slices[k].host, s->host))
				break;
		if (k < g->n) {
			(void)err_set(&e, EXIT_LOCAL,
			    "%s: host '%s' has another slice already",
			    paths->v[i], s->host);
			goto left_out;
		}
		g->n++;
		continue;
left_out:
		log_once("%s; left out of the registry", e.msg);
		slice_free(&g->slices[g->n]);
		g->slices[g->n] = (struct slice)SLICE_INIT;
	}
	buf_free(&text);
}

/* An entry and the rank of its host for one address: lower is better. */
struct claim {
	const struct agent *agent;
	unsigned rank;
};

static int
by_claim(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order;

	order = strcmp(x->agent->address, y->agent->address);
	if (order == 0)
		order = x->rank < y->rank ? -1 : x->rank > y->rank;
	if (order == 0)
		order = strcmp(x->agent->host, y->agent->host);
	return order;
}

static unsigned
claim_rank(const struct agent *a, bool ours)
{
	if (ours)
		return 0;
	return begins_with(a->address, a->host, strlen(a->host)) ? 1 : 2;
}

static int
by_host(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	return strcmp(x->host, y->host);
}

static void
write_agents(struct buf *out, const struct gathered *g, const char *host)
{
	struct claim *claims;
	size_t n = 0, i, k;

	for (i = 0; i < g->n; i++)
		n += g->slices[i].agents.n;
	claims = x_calloc(n, sizeof(*claims));
	for (n = 0, i = 0; i < g->n; i++)
		for (k = 0; k < g->slices[i].agents.n; k++, n++) {
			claims[n].agent = &g->slices[i].agents.v[k];
			claims[n].rank = claim_rank(
			    claims[n].agent, str_eq(g->slices[i].host, host));
		}
	if (n > 1)
		qsort(claims, n, sizeof(*claims), by_claim);
	for (i = 0; i < n; i++) {
		if (i > 0 &&
		    str_eq(claims[i].agent->address,
			claims[i - 1].agent->address)) {
			log_once("%s: published by '%s' too; its entry is left "
				 "out of the registry",
			    claims[i].agent->address, claims[i].agent->host);
			continue;
		}
		slice_write_agent(out, claims[i].agent);
	}
	x_free(claims);
}

static void
assemble_text(struct buf *out, const struct home *h, const struct argv *paths,
    int64_t now)
{
	struct gathered g = { .slices = NULL };
	char when[CLOCK_TEXT_MAX];
	size_t i;

	gather(&g, h, paths, now);
	if (g.n > 1)
		qsort(g.slices, g.n, sizeof(*g.slices), by_host);
	clock_text(when, now);
	buf_adds(out,
	    "# The agents of every host of this mesh, and where they are.\n"
	    "# Made from local.toml and hosts/: what is written here is lost.\n"
	    "# notify-pane --list shows it; notify-pane ADDRESS TEXT sends.\n"
	    "# Hosts:");
	for (i = 0; i < g.n; i++)
		if (g.slices[i].host[0] != '\0')
			buf_addf(out, " %s", g.slices[i].host);
	buf_addf(out, "\n# Last assembled: %s\n", when);
	for (i = 0; i < g.n; i++)
		if (g.slices[i].version != 0)
			slice_write_table(out, &g.slices[i]);
	write_agents(out, &g, h->host);
	gathered_free(&g);
}

int
registry_assemble(const struct home *h, int64_t now, struct err *e)
{
	struct buf text = BUF_INIT_MAX(REGISTRY_SIZE_MAX);
	char *lock = path_join(h->run, "registry.lock"), *line = NULL;
	char *stamp_path = path_join(h->run, "registry.stamp");
	struct argv inputs = ARGV_INIT;
	struct file_stamp stamp;
	int fd = -1, rc = -1;
	uint64_t hash;

	if (lock_need(lock, HOME_LOCK_WAIT_MS, &fd, e) != 0)
		goto out;
	/* Stamps first: an input that changes while it is read makes the
	 * result stale, never falsely fresh. */
	list_inputs(h, &inputs);
	hash = hash_inputs(&inputs);
	assemble_text(&text, h, &inputs, now);
	home_sweep(h, "registry.toml");
	if (buf_check(&text, h->registry, e) != 0 ||
	    file_replace(h->registry, text.data, text.len, FILE_FAST, e) != 0)
		goto out;
	stamp = file_stamp(h->registry);
	if (stamp.size != (int64_t)text.len) {
		rc = 0; /* overwritten already: not ours to vouch for */
		goto out;
	}
	line = stamp_text(&stamp, hash);
	/* Half written it holds for no file, and that is all it is for. */
	rc = file_overwrite(stamp_path, line, strlen(line), e);
out:
	lock_drop(&fd);
	argv_free(&inputs);
	buf_free(&text);
	x_free(line);
	x_free(lock);
	x_free(stamp_path);
	return rc;
}

/* ---- looking up ---- */

int
registry_open(
    struct registry *r, const struct home *h, int64_t now, struct err *e)
{
	struct argv inputs = ARGV_INIT;
	struct file_stamp stamp;
	struct stat st;

	*r = (struct registry)REGISTRY_INIT;
	r->fd = open(h->registry, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (r->fd >= 0 && fstat(r->fd, &st) == 0) {
		stamp.inode = (uint64_t)st.st_ino;
		stamp.size = (int64_t)st.st_size;
		stamp.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
		    st.st_mtim.tv_nsec;
		if (stamp_holds(h, &stamp)) {
			r->size = (size_t)st.st_size;
			return 0;
		}
	}
	if (r->fd >= 0)
		(void)close(r->fd);
	r->fd = -1;
	list_inputs(h, &inputs);
	assemble_text(&r->text, h, &inputs, now);
	argv_free(&inputs);
	r->size = r->text.len;
	return buf_check(&r->text, h->registry, e);
}

void
registry_close(struct registry *r)
{
	if (r->fd >= 0)
		(void)close(r->fd);
	r->fd = -1;
	buf_free(&r->text);
}
