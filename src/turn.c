#include "turn.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "lock.h"
#include "mem.h"
#include "str.h"

enum { TURN_NAP_MIN_MS = 1, TURN_NAP_MAX_MS = 16 };

void
turn_open(struct turn *t, const char *dir, const char *kind, const char *what)
{
	uint64_t hash = str_hash(what, strlen(what));

	*t = (struct turn)TURN_INIT;
	t->wait_path = x_asprintf("%s/%s-%016" PRIx64 ".wait", dir, kind, hash);
	t->run_path = x_asprintf("%s/%s-%016" PRIx64 ".lock", dir, kind, hash);
}

void
turn_close(struct turn *t)
{
	lock_drop(&t->run_fd);
	lock_drop(&t->wait_fd);
	X_CLEAR(t->wait_path);
	X_CLEAR(t->run_path);
}

enum turn_result
turn_try(struct turn *t, struct err *e)
{
	if (t->wait_fd < 0) {
		switch (lock_take(t->wait_path, 0, &t->wait_fd, e)) {
		case LOCK_TAKEN:
			break;
		case LOCK_BUSY:
			return TURN_LEFT;
		case LOCK_FAILED:
			return TURN_FAILED;
		}
	}
	switch (lock_take(t->run_path, 0, &t->run_fd, e)) {
	case LOCK_TAKEN:
		break;
	case LOCK_BUSY:
		return TURN_LATER;
	case LOCK_FAILED:
		return TURN_FAILED;
	}
	lock_drop(&t->wait_fd);
	return TURN_MINE;
}

enum turn_result
turn_take(struct turn *t, bool stay, int wait_ms, struct err *e)
{
	int64_t deadline = clock_deadline(wait_ms), nap = TURN_NAP_MIN_MS;
	enum turn_result result;

	for (;;) {
		result = turn_try(t, e);
		if (result == TURN_LEFT && stay)
			result = TURN_LATER;
		if (result != TURN_LATER)
			return result;
		if (clock_left(deadline) == 0) {
			(void)err_set(e, EXIT_LOCAL,
			    "%s: still locked by another program after %d s; "
			    "is one stopped?",
			    t->run_path, wait_ms / 1000);
			return TURN_FAILED;
		}
		clock_nap(nap, deadline);
		if (nap < TURN_NAP_MAX_MS)
			nap *= 2;
	}
}
