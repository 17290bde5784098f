# panemesh: plain GNU make, no configure step. Products go to build/.
#
#   make [SAN=1] [CC=clang] [WERROR=1]      the programs
#   make check | valgrind | fuzz T=60 | soak T=60 | bench | lint | release-check
#   make typist | bytes
#   make install | uninstall DESTDIR= PREFIX=, make dist, make deb

VERSION  = 0.1.0
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
DATADIR ?= $(PREFIX)/share/panemesh
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/share/systemd/user
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
DESTDIR ?=
CC      ?= gcc
T       ?= 60
DIST    ?= .
BUILD   ?= build$(if $(SAN),-san)$(if $(filter clang%,$(CC)),-clang)
B       := $(BUILD)

OPT     ?= -O2 -g
WARN     = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	   -Wmissing-prototypes -Wformat=2 -Wvla -Wundef -Wpointer-arith \
	   -Wcast-qual -Wwrite-strings
HARDEN   = -fstack-protector-strong -fPIE -Wl,-z,relro,-z,now -pie
ifeq ($(SAN),)
HARDEN  += -D_FORTIFY_SOURCE=3 -fstack-clash-protection
else
OPT      = -O1 -g -fno-omit-frame-pointer \
	   -fsanitize=address,undefined -fno-sanitize-recover=all
endif
ifeq ($(filter clang%,$(CC)),)
HARDEN  += -fcf-protection
else
HARDEN  += -Wno-unused-command-line-argument
endif
# The same programs in whatever folder they are built.
quoted    = '$(subst ','\'',$(1))'
SAME     := -ffile-prefix-map=$(call quoted,$(CURDIR)=.) \
	    -ffile-prefix-map=$(call quoted,$(B)=build)
SAME     := $(if $(shell $(CC) $(SAME) -E -x c /dev/null 2>/dev/null),$(SAME))
HARDEN   += $(SAME)
CPPFLAGS += -D_GNU_SOURCE -Isrc -I$(B) -DVERSION='"$(VERSION)"'
ALLFLAGS  = -std=c11 $(OPT) $(WARN) $(if $(WERROR),-Werror) $(HARDEN) \
	    $(CPPFLAGS) $(CFLAGS) -MMD -MP

# What needs libssh, and what needs that: only agent-link links them.
SSH    := $(wildcard src/ssh.c src/ssh_*.c src/link.c src/link_*.c)
SRCS   := $(filter-out $(SSH),$(wildcard src/*.c))
OBJS   := $(SRCS:src/%.c=$(B)/%.o) $(B)/profiles.gen.o
LIB    := $(B)/libpanemesh.a
PROGS  := $(patsubst bin/%.c,$(B)/%,$(wildcard bin/*.c))
UNITS  := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))
HELP   := $(patsubst tests/helpers/%.c,$(B)/helpers/%, \
	    $(wildcard tests/helpers/*.c))
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all check valgrind fuzz soak typist bytes bench picture lint install \
	uninstall dist deb clean release-check units helpers libssh-is-there

# What another host needs to build it: `agent-sync peer install` sends it.
SOURCE  := panemesh-$(VERSION).tar.gz
PARTS   := $(wildcard Makefile install.sh README.md LICENSE CHANGELOG.md bin \
	    src profiles hooks systemd setup skills completions docs)

all: $(PROGS) $(B)/panemesh.tmux.conf $(B)/$(SOURCE)

$(B)/$(SOURCE): $(wildcard $(PARTS) $(PARTS:=/*) $(PARTS:=/*/*)) | $(B)
	tar --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw \
	    --mtime='2000-01-01 UTC' --transform='s|^|panemesh-$(VERSION)/|' \
	    -cf - $(PARTS) | gzip -9n >$@
$(B)/%.o: src/%.c | $(B)
	$(CC) $(ALLFLAGS) -c -o $@ $<
$(B)/profiles.gen.c: $(wildcard profiles/*.toml) profiles/embed.sh | $(B)
	sh profiles/embed.sh profiles/*.toml >$@
$(B)/profiles.gen.o: $(B)/profiles.gen.c
	$(CC) $(ALLFLAGS) -c -o $@ $<
$(LIB): $(OBJS)
	rm -f $@ && $(AR) rcs $@ $^
$(B)/%: bin/%.c $(LIB) | $(B)
	$(CC) $(ALLFLAGS) -o $@ $< $(LIB) $(LDFLAGS)
$(B)/agent-link: bin/agent-link.c $(SSH:src/%.c=$(B)/%.o) $(LIB) | $(B)
	$(CC) $(ALLFLAGS) -o $@ $< $(SSH:src/%.c=$(B)/%.o) $(LIB) $(LDFLAGS) \
	    $$(pkg-config --libs libssh)
$(SSH:src/%.c=$(B)/%.o): CPPFLAGS += $(shell pkg-config --cflags libssh)
$(SSH:src/%.c=$(B)/%.o): | libssh-is-there
libssh-is-there:
	@pkg-config --exists 'libssh >= 0.10' || { echo >&2 'make: libssh 0.10' \
	    'is missing; apt-get install pkg-config libssh-dev'; exit 1; }
$(B)/unit/%: tests/unit/%.c $(LIB) | $(B)/unit
	$(CC) $(ALLFLAGS) -Itests -o $@ $< $(LIB) $(LDFLAGS) -lcmocka
$(B)/helpers/%: tests/helpers/%.c $(LIB) | $(B)/helpers
	$(CC) $(ALLFLAGS) -o $@ $< $(LIB) $(LDFLAGS) -lutil
$(B)/helpers/skew.so: tests/soak/skew.c | $(B)/helpers
	$(CC) -std=c11 -O2 -D_GNU_SOURCE $(WARN) -shared -fPIC -o $@ $<
$(B)/panemesh.tmux.conf: hooks/panemesh.tmux.conf.in Makefile | $(B)
	sed 's|@BINDIR@|$(abspath $(B))|g; s|@HOOKS@|$(abspath $@)|g' $< >$@
$(B) $(B)/unit $(B)/helpers:
	mkdir -p $@

units: $(UNITS)
helpers: $(HELP) $(B)/helpers/skew.so

check: all units helpers
	tests/check $(B)
valgrind: all units helpers
	tests/valgrind $(B)
fuzz:
	tests/fuzz/run $(T)
soak: all helpers
	BUILD=$(B) tests/soak/run $(T)
typist: all helpers
	BUILD=$(B) tests/typist
bytes: all helpers
	BUILD=$(B) ROUNDS=10000 tests/it/bytes.t
bench: all helpers
	tests/bench/run $(B)
	[ "$$(id -u)" != 0 ] || tests/bench/lab $(B)
bench-compare:
	tests/bench/compare $(A) $(B)
picture: all helpers
	BUILD=$(B) docs/picture
lint:
	tests/lint
release-check:
	tests/release-check

install: all
install uninstall:
	BUILD='$(B)' PROGS='$(notdir $(PROGS))' SOURCE='$(SOURCE)' \
	    DESTDIR='$(DESTDIR)' BINDIR='$(BINDIR)' DATADIR='$(DATADIR)' \
	    MANDIR='$(MANDIR)' UNITDIR='$(UNITDIR)' BASHDIR='$(BASHDIR)' \
	    ZSHDIR='$(ZSHDIR)' FISHDIR='$(FISHDIR)' sh setup/files $@
deb:
	tests/deb .
dist:
	git archive --prefix=panemesh-$(VERSION)/ \
	    -o $(DIST)/panemesh-$(VERSION).tar.gz HEAD
clean:
	rm -rf build build-san build-clang build-san-clang \
	    panemesh-$(VERSION).tar.gz

-include $(wildcard $(B)/*.d $(B)/*/*.d)
