#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"
#include "mux_parts.h"
#include "str.h"

void
caller_read(struct caller *c)
{
	size_t most = c->size > MUX_CHUNK ? c->size : MUX_CHUNK;
	ssize_t n;

	if (c->ended || c->from.len >= most)
		return;
	n = buf_read_fd(&c->from, c->in, most - c->from.len);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		c->ended = true;
}

void
caller_write(struct caller *c)
{
	size_t done = 0;
	ssize_t n;

	while (done < c->to.len) {
		n = write(c->out, c->to.data + done, c->to.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			c->gone = true;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	buf_consume(&c->to, done);
}

void
caller_told(struct mux *m, struct caller *c)
{
	if (c->knows || m->hello.len == 0 || m->doubted)
		return;
	c->knows = true;
	buf_add(&c->to, m->hello.data, m->hello.len);
	caller_write(c);
}

static struct wait *
wait_find(struct mux *m, const char *id)
{
	size_t i;

	for (i = 0; i < m->waits_n; i++)
		if (str_eq(m->waits[i].id, id))
			return &m->waits[i];
	return NULL;
}

static void
wait_add(struct mux *m, const struct caller *c)
{
	struct wait *w = &m->waits[m->waits_n++];

	memcpy(w->id, c->head.id, sizeof(w->id));
	w->verb = c->head.verb;
	w->serial = c->serial;
	w->brief = caller_urgent(c) && w->verb != FRAME_FETCH;
	w->since = clock_mono_ms();
}

static struct mux_file *
mux_file(struct mux *m, const char *id)
{
	size_t i;

	for (i = 0; i < m->files_n; i++)
		if (str_eq(m->files[i].id, id))
			return &m->files[i];
	return NULL;
}

/* A message takes its files with it. */
static void
files_leave(struct mux *m, const char *ids)
{
	char *list = x_strdup(ids), *id, *rest;
	struct mux_file *file;

	for (id = strtok_r(list, ", ", &rest); id != NULL;
	     id = strtok_r(NULL, ", ", &rest))
		if ((file = mux_file(m, id)) != NULL)
			*file = m->files[--m->files_n];
	x_free(list);
}

/* The frame in front goes. */
static void
caller_next(struct caller *c)
{
	buf_consume(&c->from, c->size);
	frame_free(&c->head);
	c->ready = false;
	c->size = 0;
}

/* Answer in the far end's place. */
static void
caller_refuse(struct caller *c, const char *words)
{
	struct frame f;

	frame_init(&f, FRAME_DONE, c->head.id);
	frame_addf(&f, "Code", "%d", EXIT_USAGE);
	buf_adds(&f.body, words);
	frame_write(&c->to, &f);
	frame_free(&f);
}

bool
caller_urgent(const struct caller *c)
{
	return c->head.verb != FRAME_DATA && c->head.verb != FRAME_FILE &&
	    frame_get(&c->head, "Files", NULL) == NULL;
}

/* Does the frame in front go to the far end? */
static bool
caller_passes(struct mux *m, struct caller *c)
{
	const struct mux_file *file;
	struct wait *w;

	switch (c->head.verb) {
	case FRAME_HELLO:
		return !m->said_hello;
	case FRAME_DATA:
		file = mux_file(m, c->head.id);
		return file != NULL && file->serial == c->serial;
	case FRAME_SLICE:
	case FRAME_DONE:
	case FRAME_PROGRESS:
		return false;
	default:
		break;
	}
	w = wait_find(m, c->head.id);
	if (w == NULL && !str_starts(c->head.id, MUX_OUR_ID))
		return true;
	if (w != NULL && w->verb == FRAME_DELIVER &&
	    c->head.verb == FRAME_DELIVER && m->waits_n < MUX_WAITS_MAX) {
		/* Asked again on the link that it was sent on: it is still
		 * being delivered, and both hear what becomes of it. */
		wait_add(m, c);
		return false;
	}
	caller_refuse(c, "this id is in use on the link");
	return false;
}

void
caller_look(struct mux *m, struct caller *c)
{
	enum frame_result result;
	size_t size;
	struct err e;

	while (!c->ready && !c->gone && c->from.len > 0 &&
	    c->from.len >= c->size) {
		result = frame_peek(&c->from, &c->head, &size, &e);
		if (result == FRAME_BAD) {
			/* It is a program of ours that broke. */
			c->gone = true;
			return;
		}
		c->size = size;
		if (result == FRAME_MORE) {
			if (size == 0)
				c->size = c->from.len + 1;
			return;
		}
		c->ready = true;
		if (!caller_passes(m, c))
			caller_next(c);
	}
}

bool
caller_lane(struct mux *m, const struct caller *c)
{
	const struct mux_file *file;

	if (c->head.verb != FRAME_DATA ||
	    frame_get(&c->head, "Abort", NULL) != NULL)
		return false;
	file = mux_file(m, c->head.id);
	/* The empty one behind all says when all are there. */
	return file != NULL && file->serial == c->serial && file->known &&
	    frame_number(&c->head, "At", INT64_MAX, INT64_MAX) <
	    (uint64_t)file->size;
}

/* A long file was announced: once the far end says that it knows it, its bytes
 * can go the other way without overtaking that. */
static void
file_ask(struct mux *m, struct mux_file *file)
{
	char id[sizeof(MUX_FILE_ID) + FRAME_ID_MAX];
	struct frame f;

	(void)snprintf(id, sizeof(id), MUX_FILE_ID "%s", file->id);
	if (!m->may_lane || !m->can_lane || file->size < MUX_LANE_SIZE ||
	    strlen(id) > FRAME_ID_MAX)
		return;
	frame_init(&f, FRAME_PING, id);
	frame_write(&m->up, &f);
	frame_free(&f);
	file->asked = clock_mono_ms();
}

bool
file_known(struct mux *m, const char *id)
{
	struct mux_file *file = mux_file(m, id + strlen(MUX_FILE_ID));

	if (file == NULL || file->asked == 0 || file->known)
		return false;
	file->known = true;
	if (clock_mono_ms() - file->asked >= MUX_LANE_RTT_MS)
		m->wants_lane = true;
	return true;
}

static struct mux_file *
file_add(struct mux *m, const struct caller *c)
{
	struct mux_file *file = &m->files[m->files_n++];

	memset(file, 0, sizeof(*file));
	memcpy(file->id, c->head.id, sizeof(file->id));
	file->serial = c->serial;
	file->size = (int64_t)frame_number(&c->head, "Size", INT64_MAX, 0);
	return file;
}

void
caller_take(struct mux *m, struct caller *c, struct buf *to)
{
	struct mux_file *file = NULL;

	/* Another may have asked for the same meanwhile. */
	if (!caller_passes(m, c)) {
		caller_next(c);
		return;
	}
	switch (c->head.verb) {
	case FRAME_HELLO:
		m->said_hello = true;
		break;
	case FRAME_DATA:
		break;
	case FRAME_FILE:
		file = file_add(m, c);
		wait_add(m, c);
		break;
	default:
		files_leave(m, frame_get(&c->head, "Files", ""));
		wait_add(m, c);
		break;
	}
	buf_add(to, c->from.data, c->size);
	if (file != NULL)
		file_ask(m, file);
	caller_next(c);
}

/* Nobody will finish that file, or send the message that it belongs to. */
static void
file_abort(struct mux *m, const char *id)
{
	struct frame f;

	frame_init(&f, FRAME_DATA, id);
	frame_add(&f, "Abort", "1");
	frame_write(&m->own, &f);
	frame_free(&f);
}

void
caller_free(struct mux *m, struct caller *c)
{
	size_t i;

	for (i = m->files_n; i-- > 0;) {
		if (m->files[i].serial != c->serial)
			continue;
		file_abort(m, m->files[i].id);
		m->files[i] = m->files[--m->files_n];
	}
	for (i = m->waits_n; i-- > 0;) {
		if (m->waits[i].serial != c->serial)
			continue;
		m->waits[i].serial = 0;
		if (m->waits[i].verb == FRAME_FILE)
			m->waits[i] = m->waits[--m->waits_n];
	}
	if (c->out != c->in)
		(void)close(c->out);
	(void)close(c->in);
	if (c->ready)
		frame_free(&c->head);
	buf_free(&c->from);
	buf_free(&c->to);
}
