#include "ship_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "drop.h"
#include "frame.h"
#include "path.h"
#include "str.h"

enum { SHIP_ENDED_MS = 3000 }; /* for a broken link to say why */

/* Is one of these files refused already? Answers to anything else do not matter
 * yet. Ids are of one length, so none of ours is a part of another. */
static int
ship_refused(struct remote *r, const char *ids, struct err *e)
{
	struct frame f;
	int rc = 0;

	while (rc == 0) {
		switch (remote_next(r, &f, e)) {
		case FRAME_BAD:
			return -1;
		case FRAME_MORE:
			return 0;
		case FRAME_READY:
			break;
		}
		if (strstr(ids, f.id) != NULL &&
		    frame_number(&f, "Code", EXIT_LOCAL, EXIT_WIRE) != EXIT_OK)
			rc = err_set(e,
			    (enum exit_code)frame_number(
				&f, "Code", EXIT_LOCAL, EXIT_WIRE),
			    "%s", f.body.data);
		frame_free(&f);
	}
	return rc;
}

/* Write all that is queued, as long as all of the files are wanted. */
static int
ship_push(struct remote *r, const char *ids, struct err *e)
{
	int64_t deadline = clock_deadline(SHIP_STALL_MS);
	struct pollfd pfd[REMOTE_FDS];
	bool ended = false, mute = !r->hello;
	size_t before;

	for (;;) {
		before = remote_queued(r);
		remote_turn(r);
		if (ship_refused(r, ids, e) != 0)
			return -1;
		if (remote_queued(r) == 0)
			return 0;
		/* Nothing leaves before its HELLO. */
		if (!r->hello && clock_left(r->hello_by) == 0)
			return remote_late(r, e);
		if (mute && r->hello)
			deadline = clock_deadline(SHIP_STALL_MS);
		mute = !r->hello;
		/* Why it ended comes in a moment. */
		if (r->link.in < 0 && !ended) {
			ended = true;
			deadline = clock_deadline(SHIP_ENDED_MS);
		}
		if (remote_queued(r) < before)
			deadline = clock_deadline(SHIP_STALL_MS);
		if (r->link.in < 0 && clock_left(deadline) == 0)
			return err_set(
			    e, EXIT_WIRE, "%s: the connection ended", r->alias);
		if (clock_left(deadline) == 0)
			return err_set(e, EXIT_WIRE,
			    "%s: takes nothing for %d s", r->alias,
			    SHIP_STALL_MS / 1000);
		remote_poll(r, pfd);
		(void)poll(pfd, REMOTE_FDS, clock_left(deadline));
	}
}

static int
ship_changed(const char *path, struct err *e)
{
	return err_set(
	    e, EXIT_LOCAL, "%s: changed while being sent; send it again", path);
}

/* Does the file end at `size`? */
static int
ship_ends(const char *path, int fd, int64_t size, struct err *e)
{
	char more;
	ssize_t n;

	do {
		n = pread(fd, &more, 1, (off_t)size);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, EXIT_USAGE, "%s: %s", path, strerror(errno));
	return n == 0 ? 0 : ship_changed(path, e);
}

/* The file's bytes as DATA frames, and the empty one that ends it. */
static int
ship_data(struct remote *r, const struct ship_message *m, const char *ids,
    const char *id, const char *path, int fd, int64_t size, struct err *e)
{
	struct frame f;
	int64_t done = 0, n;

	do {
		n = size - done < FRAME_CHUNK ? size - done : FRAME_CHUNK;
		if (n == 0 && ship_ends(path, fd, size, e) != 0)
			return -1;
		frame_init(&f, FRAME_DATA, id);
		/* They may come to the far end in another order. */
		frame_addf(&f, "At", "%lld", (long long)done);
		remote_put_file(r, &f, fd, done, (size_t)n);
		frame_free(&f);
		if (ship_push(r, ids, e) != 0)
			return -1;
		if (r->file_errno == ENODATA)
			return ship_changed(path, e);
		if (r->file_errno != 0)
			return err_set(e, EXIT_USAGE, "%s: %s", path,
			    strerror(r->file_errno));
		done += n;
		if (m->progress != NULL)
			m->progress(path_base(path), done, size);
	} while (n != 0);
	return 0;
}

static int
ship_file(struct remote *r, const struct ship_message *m, const char *ids,
    const char *id, const char *path, int64_t *bytes, struct err *e)
{
	char name[DROP_NAME_MAX + 16];
	struct stat st;
	struct frame f;
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_set(e, EXIT_USAGE, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		return err_set(e, EXIT_USAGE,
		    "%s: is not a regular file; pack it (tar) and send that",
		    path);
	}
	frame_init(&f, FRAME_FILE, id);
	frame_add(&f, "From", m->sender->name);
	frame_add(&f, "Sender", m->sender->self);
	frame_add(&f, "To", m->to);
	drop_clean_name(name, path);
	frame_add(&f, "Name", name);
	frame_addf(&f, "Size", "%lld", (long long)st.st_size);
	remote_put(r, &f);
	frame_free(&f);
	*bytes += st.st_size;
	rc = ship_data(r, m, ids, id, path, fd, st.st_size, e);
	(void)close(fd);
	return rc;
}

int
ship_files(struct remote *r, const struct ship_message *m, struct buf *ids,
    int64_t *bytes, struct err *e)
{
	char id[AGENT_ID_MAX + 1];
	size_t i;

	for (i = 0; i < m->files_n; i++) {
		agent_id_new(id);
		buf_addf(ids, "%s%s", i == 0 ? "" : ",", id);
		if (ship_file(r, m, ids->data, id, m->files[i], bytes, e) != 0)
			return -1;
	}
	return 0;
}

int
ship_prove(struct remote *r, struct err *e)
{
	int64_t deadline = clock_deadline(REMOTE_CONNECT_MS);
	char id[AGENT_ID_MAX + 1];
	struct frame f;

	if (!r->warm)
		return 0;
	agent_id_new(id);
	frame_init(&f, FRAME_PING, id);
	remote_put(r, &f);
	frame_free(&f);
	if (remote_wait(r, id, deadline, &f, e) != 0)
		return -1;
	frame_free(&f);
	return 0;
}
