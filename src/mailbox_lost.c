#include "mailbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "mailbox_parts.h"
#include "mem.h"

static bool
lost_stat(const struct mailbox *b, const char *folder, const char *name,
    struct stat *st)
{
	char path[MAILBOX_FILE_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return fstatat(b->dir, path, st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st->st_mode);
}

bool
mailbox_noted(const struct mailbox *b, const char *name)
{
	struct stat st;

	return lost_stat(b, "queue", name, &st) && st.st_size > 0;
}

void
mailbox_note(const struct mailbox *b, const char *name, const struct mail *m)
{
	struct buf text = BUF_INIT_MAX(MAIL_SIZE_MAX);
	char path[MAILBOX_FILE_MAX];
	struct mail head = *m;
	int fd;

	head.body = (struct buf)BUF_INIT_MAX(MAIL_BODY_MAX);
	mail_brief(&head.body, m->body.data, m->body.len, MAILBOX_HEAD);
	mail_write(&text, &head);
	(void)snprintf(path, sizeof(path), "queue/%s", name);
	fd = openat(b->dir, path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		(void)file_write_all(fd, text.data, text.len);
		(void)close(fd);
	}
	buf_free(&head.body);
	buf_free(&text);
}

enum mailbox_loss
mailbox_loss_of(const struct mailbox *b, const char *name)
{
	struct mailbox_entry entry;
	struct stat st;

	if (!mailbox_name_ok(name) || !mailbox_noted(b, name))
		return MAILBOX_LOSS_NONE;
	if (mailbox_place(b, name, &entry) == 0)
		return entry.state == MAILBOX_DEAD ? MAILBOX_LOSS_TAKEN
						   : MAILBOX_LOSS_NONE;
	return lost_stat(b, "bad", name, &st) ? MAILBOX_LOSS_DAMAGED
					      : MAILBOX_LOSS_TAKEN;
}

enum mailbox_loss
mailbox_loss(const struct mailbox *b, const char *id)
{
	char name[MAILBOX_WIDTH];

	return mail_id_ok(id) && mailbox_linked(b, id, name)
	    ? mailbox_loss_of(b, name)
	    : MAILBOX_LOSS_NONE;
}

enum mailbox_loss
mailbox_lost(const struct mailbox *b, struct mail *m)
{
	enum mailbox_loss loss = MAILBOX_LOSS_NONE;
	struct buf text = BUF_INIT_MAX(MAIL_SIZE_MAX);
	char file[MAILBOX_FILE_MAX], *path;
	struct mailbox_list list;
	const char *name = "";
	size_t i;

	*m = (struct mail)MAIL_INIT;
	mailbox_marked(b, &list);
	for (i = 0; i < list.n && loss == MAILBOX_LOSS_NONE; i++) {
		name = list.v[i].name;
		loss = mailbox_loss_of(b, name);
	}
	if (loss != MAILBOX_LOSS_NONE) {
		(void)snprintf(file, sizeof(file), "queue/%s", name);
		path = x_asprintf("/proc/self/fd/%d/%s", b->dir, file);
		if (file_read(path, &text, NULL) != FILE_READ ||
		    mail_parse(m, name, text.data, text.len, NULL) != 0 ||
		    !str_eq(m->id, name + MAILBOX_DIGITS + 1))
			m->id[0] = '\0';
		if (unlinkat(b->dir, file, 0) != 0)
			loss = MAILBOX_LOSS_NONE;
		x_free(path);
	}
	mailbox_list_free(&list);
	buf_free(&text);
	return loss;
}
