/* sshconf ALIAS FILE - what we read there, as `ssh -G` prints it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "sshconf.h"
#include "str.h"

static const char *const words[] = {
#define X(symbol, word, kind) word,
	SSHCONF_KEYS(X)
#undef X
};

static void
print_word(const char *word)
{
	for (; *word != '\0'; word++)
		(void)putchar(tolower((unsigned char)*word));
}

int
main(int argc, char **argv)
{
	struct sshconf_files files = { .system_file = "/nonexistent" };
	struct err e = { .code = EXIT_OK };
	struct sshconf c;
	size_t i;
	int key;

	log_start("sshconf", false);
	files.home = getenv("HOME");
	if (argc != 3 || files.home == NULL)
		return EXIT_USAGE;
	files.user_file = argv[2];
	if (sshconf_load(&c, argv[1], &files, clock_deadline(5000), &e) != 0) {
		sshconf_free(&c);
		return log_err(&e);
	}
	(void)printf("hostname %s\nuser %s\nport %s\n", c.host, c.user, c.port);
	for (key = 0; key < SSHCONF_KEYS_N; key++) {
		if (c.value[key].n == 0 || key == SSHCONF_HOST_NAME ||
		    key == SSHCONF_USER || key == SSHCONF_PORT)
			continue;
		print_word(words[key]);
		for (i = 0; i < c.value[key].n; i++) {
			if (i > 0 && key == SSHCONF_IDENTITY_FILE)
				(void)printf("\nidentityfile");
			(void)printf(" %s", c.value[key].v[i]);
		}
		(void)putchar('\n');
	}
	sshconf_free(&c);
	return EXIT_OK;
}
