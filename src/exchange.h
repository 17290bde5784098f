/* exchange - slices that come from peers: checked, then kept or put aside. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "home.h"
#include "peers.h"
#include "slice.h"

enum { EXCHANGE_HOSTS_MAX = 2000 }; /* files in hosts/ */

/*
 * A slice came from the peer that calls itself `host`, reached by `alias` of
 * peers.conf (NULL: it dialled us). Accepted, it replaces hosts/HOST.toml, with
 * a first line that says when and by which alias it came; *changed says whether
 * that file was written: the registry then wants assembling, which is not done
 * here. What is written is what slice_parse() understood, not the peer's bytes.
 *
 * Not accepted (forged, old, future, oversize, foreign, our own name, not TOML)
 * its first bytes are kept as hosts/HOST.bad for `agent-sync status` to show,
 * for a day at least; the last good one stays, and this is -1 with EXIT_REFUSED
 * and why. The one that we hold already, or one that a newer one overtook on
 * its way, is fine. EXIT_LOCAL: it could not be written.
 *
 * Nor is one accepted by another alias than the one that the name belongs to in
 * peers.conf (docs/PROTOCOL.md, "Slices"): while that one answers it is passed
 * over, which is fine.
 *
 * Of a host that an alias led to under another name before, the slice of that
 * name is forgotten.
 *
 * A slice of the bash agent-mesh has no host_id to be pinned: it is bound to
 * the alias by which it came first.
 */
int exchange_take(const struct home *home, const char *alias, const char *host,
    const char *text, size_t len, bool *changed, struct err *e);

/*
 * The same for the slice of `host` that the peer `through` (as it calls itself)
 * handed on, over `hops` hosts, and which was `age_ms` old there. It must have
 * come over SLICE_HOPS_MAX hosts at most and say a host_id, which pins it as if
 * it came from its host; of two of one generation the one from the host itself
 * stays, and any that the host itself brings replaces it.
 */
int exchange_take_third(const struct home *home, const char *through,
    const char *host, unsigned hops, int64_t age_ms, const char *text,
    size_t len, bool *changed, struct err *e);

/*
 * The slice that we hold of `host`, for the peer `asker`, as it stands:
 * `came`, and the text in `out` unless its generation is not past `have`. -1
 * with EXIT_UNKNOWN where we hold none that is confirmed (REGISTRY_KEEP_MS), or
 * it came through `asker` or is `asker`'s; EXIT_REFUSED where it came over too
 * many hosts, says no host_id, or is a narrow one.
 */
int exchange_give(const struct home *home, const char *host, const char *asker,
    int64_t have, struct buf *out, int64_t *generation, struct slice_came *came,
    struct err *e);

/* The generation and host_id of the slice we hold of `host`: 0 and "" if none,
 * 0 if it cannot be read to its end. */
void exchange_have(const struct home *home, const char *host,
    int64_t *generation, char host_id[HOME_ID_LEN + 1]);

/* The same host_id alone, for which not all of the slice is read. */
void exchange_host_id(
    const struct home *home, const char *host, char host_id[HOME_ID_LEN + 1]);

/* Do we hold all of the slice of `host` of that generation, from itself and
 * confirmed lately? */
bool exchange_has(
    const struct home *home, const char *host, int64_t generation);

/* When the slice of `host` was last confirmed, and by which alias it came; 0
 * and "" without one. */
void exchange_came(
    const struct home *home, const char *host, struct slice_came *out);

/* Did the slice of `host` come from itself by `alias`, or by another that
 * stands in peers.conf? Where it did not (the host dialled us, the alias is
 * gone, another host handed it on), who asks by `alias` wants all of it once
 * more: that makes `alias` the one. */
bool exchange_has_way(
    const struct home *home, const char *host, const char *alias);

/*
 * The peer by which `host` is reached: the alias by which its slice last came,
 * else a peer of that very name. NULL with EXIT_WIRE "no route ...;
 * agent-sync peer add HOST", or that it is known through another one only.
 */
const struct peer *exchange_route(const struct home *home,
    const struct peers *peers, const char *host, struct err *e);

/* The same for a message, which another host may hand on: *relayed says that
 * the peer is not `host` but the one it is known through. */
const struct peer *exchange_way(const struct home *home,
    const struct peers *peers, const char *host, bool *relayed, struct err *e);

/* Does peers.conf name the peer that calls itself `through` as the one by which
 * `host` is known? */
bool exchange_through(
    const struct home *home, const char *host, const char *through);

/*
 * What we publish, as text: our slice as it stands in local.toml; `narrow` (a
 * restricted peer) with host, role and scope of each agent only. An
 * empty one is made if there is none, an old one confirmed (register.h). -1
 * with EXIT_LOCAL.
 */
int exchange_publish(const struct home *home, bool narrow, struct buf *out,
    int64_t *generation, struct err *e);

#endif
