#include "config.h"

#include <stddef.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "str.h"
#include "toml.h"

static const char *const default_ignored[] = { "scratch", "tmp", "temp", "test",
	"test-*", "_*" };

enum config_kind { CONFIG_NUMBER, CONFIG_GLOBS, CONFIG_FLAG };

static const struct config_key {
	const char *name;
	enum config_kind kind;
	size_t offset;
	int64_t min, max, fallback;
} config_keys[] = {
	{ "alias_hours", CONFIG_NUMBER, offsetof(struct config, alias_hours), 0,
	    24 * 365, 24 },
	{ "ignore_sessions", CONFIG_GLOBS,
	    offsetof(struct config, ignore_sessions), 0, 0, 0 },
	{ "inbox_max", CONFIG_NUMBER, offsetof(struct config, inbox_max), 0,
	    INT64_MAX, 1024 * 1024 * 1024 },
	{ "link_idle", CONFIG_NUMBER, offsetof(struct config, link_idle), 0,
	    24 * 60 * 60, 600 },
	{ "mail_keep", CONFIG_NUMBER, offsetof(struct config, mail_keep), 0,
	    36500, 7 },
	{ "queue", CONFIG_FLAG, offsetof(struct config, queue), 0, 0, 0 },
	{ "stuck_after", CONFIG_NUMBER, offsetof(struct config, stuck_after), 0,
	    30 * 24 * 60 * 60, 900 },
};

enum { CONFIG_KEYS = sizeof(config_keys) / sizeof(config_keys[0]) };

static int64_t *
config_number(struct config *c, const struct config_key *key)
{
	return (int64_t *)(void *)((char *)c + key->offset);
}

static int
config_set(struct config *c, const char *path, const struct config_key *key,
    const struct toml *value, struct err *e)
{
	const char *glob;
	int64_t number;
	size_t i;

	if (key->kind == CONFIG_NUMBER) {
		if (toml_type(value) != TOML_INTEGER)
			return err_set(e, EXIT_LOCAL,
			    "%s:%u: %s: must be a whole number", path,
			    toml_line(value), key->name);
		number = toml_integer(value, 0);
		if (number < key->min || number > key->max)
			return err_set(e, EXIT_LOCAL,
			    "%s:%u: %s: must be %lld to %lld", path,
			    toml_line(value), key->name, (long long)key->min,
			    (long long)key->max);
		*config_number(c, key) = number;
		return 0;
	}
	if (key->kind == CONFIG_FLAG) {
		if (toml_type(value) != TOML_BOOLEAN)
			return err_set(e, EXIT_LOCAL,
			    "%s:%u: %s: must be true or false", path,
			    toml_line(value), key->name);
		*(bool *)(void *)((char *)c + key->offset) =
		    toml_boolean(value, false);
		return 0;
	}
	if (toml_type(value) != TOML_ARRAY)
		goto no_globs;
	argv_free(&c->ignore_sessions);
	for (i = 0; i < toml_count(value); i++) {
		glob = toml_string(toml_at(value, i, NULL), NULL);
		if (glob == NULL)
			goto no_globs;
		argv_add(&c->ignore_sessions, glob);
	}
	return 0;
no_globs:
	return err_set(e, EXIT_LOCAL,
	    "%s:%u: %s: must be an array of strings, such as [\"tmp\", "
	    "\"test-*\"]",
	    path, toml_line(value), key->name);
}

static void
config_defaults(struct config *c)
{
	size_t i;

	for (i = 0; i < CONFIG_KEYS; i++)
		if (config_keys[i].kind == CONFIG_NUMBER)
			*config_number(c, &config_keys[i]) =
			    config_keys[i].fallback;
	for (i = 0; i < sizeof(default_ignored) / sizeof(default_ignored[0]);
	     i++)
		argv_add(&c->ignore_sessions, default_ignored[i]);
}

static int
config_unknown(
    const char *path, const char *name, const struct toml *value, struct err *e)
{
	struct buf known = BUF_INIT;
	size_t i;

	for (i = 0; i < CONFIG_KEYS; i++)
		buf_addf(&known, " %s", config_keys[i].name);
	(void)err_set(e, EXIT_LOCAL, "%s:%u: unknown key '%s'; known are%s",
	    path, toml_line(value), name, known.data);
	buf_free(&known);
	return -1;
}

int
config_parse(struct config *c, const char *path, const char *text, size_t len,
    struct err *e)
{
	const struct toml *value;
	struct toml *root;
	const char *name;
	size_t i, k;
	int rc = 0;

	*c = (struct config)CONFIG_INIT;
	config_defaults(c);
	root = toml_parse(path, text, len, e);
	if (root == NULL)
		return -1;
	for (i = 0; rc == 0 && i < toml_count(root); i++) {
		value = toml_at(root, i, &name);
		for (k = 0; k < CONFIG_KEYS; k++)
			if (str_eq(config_keys[k].name, name))
				break;
		rc = k < CONFIG_KEYS
		    ? config_set(c, path, &config_keys[k], value, e)
		    : config_unknown(path, name, value, e);
	}
	toml_free(root);
	return rc;
}

int
config_load(struct config *c, const char *path, struct err *e)
{
	struct buf text = BUF_INIT_MAX(CONFIG_SIZE_MAX);
	int rc = -1;

	*c = (struct config)CONFIG_INIT;
	switch (file_read_ours(path, &text, e)) {
	case FILE_READ:
		rc = config_parse(c, path, text.data, text.len, e);
		break;
	case FILE_MISSING:
		config_defaults(c);
		rc = 0;
		break;
	case FILE_FAILED:
		break;
	}
	buf_free(&text);
	return rc;
}

void
config_free(struct config *c)
{
	argv_free(&c->ignore_sessions);
}

const char *
config_ignored(const struct config *c, const char *session)
{
	size_t i;

	for (i = 0; i < c->ignore_sessions.n; i++)
		if (str_glob(c->ignore_sessions.v[i], session))
			return c->ignore_sessions.v[i];
	return NULL;
}
