/* The manual page weft.yaml(5), from the knob table. */
#include "base/check.h"
#include "model/knobs.h"
#include "model/lab_io.h"

#include <ctype.h>
#include <string.h>

static const char head[] = ".\\\" Made from the knob table (src/model/knobs.c) by test/golden/lab_golden.sh with UPDATE=1; don't edit.\n"
			   ".TH WEFT.YAML 5 \"2026-11-24\" \"weft " WEFT_VERSION "\" \"File formats\"\n"
			   ".SH NAME\n"
			   "weft.yaml \\- lab files of weft\n"
			   ".SH DESCRIPTION\n"
			   "A lab file declares networks, routers, links and machines; \\fBweft up\\fR(1) makes it so. It is one YAML "
			   "document in UTF-8, named\n"
			   "\\fINAME\\fB.weft.yaml\\fR.\n"
			   ".PP\n"
			   "The rules are the same everywhere. A map's key is the object's name: letters, digits and inner hyphens. A "
			   "plain text in place of a map is the\n"
			   "short form of an object where one is named below (\\fBnics: [lan]\\fR). \\fBcount: 4\\fR makes \\fIvm1\\fR to "
			   "\\fIvm4\\fR; tests select them by\n"
			   "\\fB\"vm[1-4]\"\\fR or \\fB\"vm*\"\\fR. Times and sizes carry units (\\fB30s\\fR, \\fB512M\\fR). A value is "
			   "read as its key's type, whatever it looks\n"
			   "like. Anchors, aliases and tags are refused, as is everything that is not named here.\n";

static const char tail[] = ".SH EXAMPLE\n"
			   ".nf\n"
			   "version: 1\n"
			   "name: minimal\n"
			   "networks:\n"
			   "  lan: { ipv4: 10.0.0.0/24, dhcp: true }\n"
			   "vms:\n"
			   "  vm: { count: 2, image: builtin:tiny, nics: [lan] }\n"
			   "tests:\n"
			   "  - ping: [vm1, vm2]\n"
			   ".fi\n"
			   ".SH SEE ALSO\n"
			   ".BR weft (1),\n"
			   ".BR weftd (8)\n";

#define KINDS_MAX 64

/* A kind to describe, with the path of keys that leads to it. */
struct chapter {
	const struct kind *kind;
	const char *path;
};

/* Text for roff: hyphens stay hyphens, backslashes stand, and `code` is set in bold. */
static void add_roff(struct text *out, const char *text)
{
	bool bold = false;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '`') {
			text_add(out, bold ? "\\fR" : "\\fB");
			bold = !bold;
		} else if (*p == '-' || *p == '\\') {
			text_add(out, *p == '-' ? "\\-" : "\\e");
		} else {
			text_add_bytes(out, p, 1);
		}
	}
}

static void add_row(struct text *out, const struct knob *knob, struct arena *arena)
{
	text_add(out, ".TP\n\\fB");
	add_roff(out, knob->key);
	text_add(out, "\\fR%s\n", knob->required ? " (required)" : "");
	if (knob->help[0] != '`')
		text_add(out, "%c", toupper((unsigned char)knob->help[0]));
	add_roff(out, knob->help + (knob->help[0] != '`'));
	text_add(out, ".\n");
	if (knob->type != KNOB_OBJECT && knob->type != KNOB_MAP && knob->type != KNOB_LIST) {
		text_add(out, "Takes ");
		add_roff(out, knob_expects(knob, arena));
		text_add(out, ".\n");
	}
	if (knob->fallback != NULL) {
		text_add(out, "Default: ");
		add_roff(out, knob->fallback);
		text_add(out, ".\n");
	}
	if (knob->effect != NULL) {
		text_add(out, "When it changes: ");
		add_roff(out, knob->effect);
		text_add(out, ".\n");
	}
}

static bool has_kind(const struct chapter *chapters, size_t count, const struct kind *kind)
{
	for (size_t i = 0; i < count; i++)
		if (chapters[i].kind == kind)
			return true;
	return false;
}

static const char *path_below(struct arena *arena, const char *path, const struct knob *knob)
{
	return arena_printf(arena, "%s%s%s%s", path, path[0] ? "." : "", knob->key,
		knob->type == KNOB_MAP	  ? ".NAME"
		: knob->type == KNOB_LIST ? "[N]"
					  : "");
}

static void add_chapter(struct text *out, const struct chapter *chapter, struct arena *arena)
{
	const struct kind *kind = chapter->kind;

	text_add(out, ".SS \"");
	add_roff(out, chapter->path[0] ? chapter->path : "At the top");
	text_add(out, "\"\n");
	add_roff(out, kind->help);
	if (kind->short_key != NULL) {
		enum knob_type type = kind_knob(kind, kind->short_key)->type;

		text_add(out, " Short form: the %s of ", type == KNOB_LIST || type == KNOB_NAMES ? "list" : "text");
		add_roff(out, kind->short_key);
		text_add(out, ".");
	}
	text_add(out, "\n");
	for (size_t i = 0; i < kind->knob_count; i++)
		if (kind->knobs[i].type != KNOB_LATER)
			add_row(out, &kind->knobs[i], arena);
}

void lab_manual(struct text *out)
{
	struct arena *arena = arena_new(NULL);
	struct chapter chapters[KINDS_MAX] = {{&kind_lab, ""}};
	size_t count = 1;

	text_add(out, "%s.SH KEYS\n", head);
	for (size_t at = 0; at < count; at++) {
		add_chapter(out, &chapters[at], arena);
		for (size_t i = 0; i < chapters[at].kind->knob_count; i++) {
			const struct knob *knob = &chapters[at].kind->knobs[i];

			if (knob->kind == NULL || has_kind(chapters, count, knob->kind))
				continue;
			CHECK(count < KINDS_MAX);
			chapters[count++] = (struct chapter){knob->kind, path_below(arena, chapters[at].path, knob)};
		}
	}
	text_add(out, "%s", tail);
	arena_free(arena);
}
