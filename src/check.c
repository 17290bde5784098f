#include "check.h"

#include <string.h>

#include "agent.h"
#include "deliver.h"
#include "json.h"
#include "log.h"
#include "lookup.h"
#include "str.h"

/* What a message sent now would do. */
static const char *
check_outcome(const struct readiness *r)
{
	if (r->show_ok)
		return "shown";
	if (r->state == CLASSIFY_IDLE && r->way != CLASSIFY_WAY_NONE)
		return "typed";
	if (r->state == CLASSIFY_BUSY && r->composer_empty &&
	    r->way == CLASSIFY_WAY_COMPOSE && r->profile != NULL &&
	    r->profile->busy == PROFILE_BUSY_QUEUES)
		return "queued by the program";
	return "refused";
}

/* Where everything is typed (@agent-shell), nothing is shown: as deliver() has
 * it. */
static void
check_typed(struct readiness *r)
{
	r->show_ok = false;
	if (r->way == CLASSIFY_WAY_SHOW)
		r->way = CLASSIFY_WAY_LINE;
}

static void
check_json(struct buf *out, const struct agent *a,
    const struct pane_facts *facts, const struct readiness *r,
    const struct err *barred, const struct presence *presence, bool narrow)
{
	struct json j = JSON_INIT(out);
	size_t i;

	json_object_begin(&j);
	json_key(&j, "address");
	json_text(&j, a->address);
	json_key(&j, "pane");
	json_text(&j, narrow ? NULL : facts->ident.pane);
	json_key(&j, "state");
	json_text(&j, classify_state_name(r->state));
	json_key(&j, "reason");
	json_text(&j, r->reason);
	json_key(&j, "profile");
	json_text(&j, narrow || r->profile == NULL ? NULL : r->profile->name);
	json_key(&j, "way");
	json_text(&j, classify_way_name(r->way));
	json_key(&j, "outcome");
	json_text(&j, barred->code == EXIT_OK ? check_outcome(r) : "refused");
	json_key(&j, "presence");
	json_text(&j, presence_name(presence->state));
	json_key(&j, "quiet");
	json_integer(&j, presence->quiet_s);
	json_key(&j, "allow");
	json_text(&j, narrow ? NULL : facts->allow);
	json_key(&j, "barred");
	json_text(&j, barred->code == EXIT_OK ? NULL : barred->msg);
	json_key(&j, "evidence");
	json_array_begin(&j);
	for (i = 0; i < r->evidence.n && !narrow; i++)
		json_text(&j, r->evidence.v[i]);
	json_array_end(&j);
	json_object_end(&j);
	buf_addc(out, '\n');
}

static void
check_text(struct buf *out, const struct agent *a,
    const struct pane_facts *facts, const struct readiness *r,
    const struct err *barred, bool verbose)
{
	bool may = barred->code == EXIT_OK;
	const char *why = may ? r->reason : barred->msg;
	size_t i;

	buf_addf(out, "%s: %s (%s): ", a->address,
	    classify_state_name(r->state), may ? check_outcome(r) : "refused");
	log_escape(out, why, strlen(why));
	buf_addc(out, '\n');
	if (!verbose)
		return;
	buf_addf(out, "  pane      %s of %s\n", facts->ident.pane,
	    facts->ident.socket);
	buf_addf(out, "  program   %s%s%s\n",
	    r->profile == NULL ? "unknown" : r->profile->label,
	    r->profile == NULL ? "" : ", profile ",
	    r->profile == NULL ? "" : r->profile->name);
	buf_addf(out, "  delivery  %s\n", classify_way_name(r->way));
	if (facts->allow != NULL && facts->allow[0] != '\0') {
		buf_adds(out, "  allowed   ");
		log_escape(out, facts->allow, strlen(facts->allow));
		buf_addc(out, '\n');
	}
	for (i = 0; i < r->evidence.n; i++) {
		buf_adds(out, i == 0 ? "  evidence  " : "            ");
		log_escape(out, r->evidence.v[i], strlen(r->evidence.v[i]));
		buf_addc(out, '\n');
	}
}

int
check(const struct registrar *reg, const char *address,
    const struct allow_sender *from, bool as_json, bool verbose, bool narrow,
    struct buf *out, struct presence *now, struct err *e)
{
	struct pane_facts facts;
	struct readiness r;
	struct err barred = { .code = EXIT_OK };
	struct presence presence = { .state = PRESENCE_UNKNOWN, .quiet_s = -1 };
	struct agent a;
	bool renamed;
	int rc = -1;

	if (lookup(reg, address, &a, &renamed, e) != 0)
		goto out;
	if (!str_eq(a.host, reg->home->host)) {
		(void)err_set(e, EXIT_UNKNOWN, "%s: is no agent of host %s",
		    a.address, reg->home->host);
		goto out;
	}
	if (deliver_check(&a.ident, reg->profiles, &facts, &r, e) == 0) {
		(void)allow_check(facts.allow, from, &barred);
		if (str_eq(facts.shell_way, "type"))
			check_typed(&r);
		if (barred.code == EXIT_OK)
			presence_judge(&presence, &facts, &r, reg->config);
		if (as_json)
			check_json(
			    out, &a, &facts, &r, &barred, &presence, narrow);
		else
			check_text(
			    out, &a, &facts, &r, &barred, verbose && !narrow);
		rc = barred.code != EXIT_OK                ? EXIT_REFUSED
		    : str_eq(check_outcome(&r), "refused") ? EXIT_NOT_READY
							   : EXIT_OK;
	}
	classify_free(&r);
	pane_facts_free(&facts);
out:
	if (now != NULL)
		*now = presence;
	agent_free(&a);
	return rc;
}
