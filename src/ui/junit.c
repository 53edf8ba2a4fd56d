/* JUnit's XML. */
#include "ui/junit.h"

#include <inttypes.h>

/* As text of an attribute; what XML can't have at all is left out. */
static void add_escaped(const char *text, struct text *out)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			text_add(out, "&amp;");
		else if (c == '<')
			text_add(out, "&lt;");
		else if (c == '>')
			text_add(out, "&gt;");
		else if (c == '"')
			text_add(out, "&quot;");
		else if (c == '\t' || c == '\n')
			text_add(out, "&#%d;", c);
		else if (c >= 0x20 && c != 0x7f)
			text_add_bytes(out, text, 1);
	}
}

static void add_case(const char *suite, const struct value *result, struct text *out)
{
	text_add(out, "    <testcase classname=\"");
	add_escaped(suite, out);
	text_add(out, "\" name=\"");
	add_escaped(value_text(result, "test"), out);
	text_add(out, "\" time=\"%" PRId64 "\"", value_int(result, "seconds"));
	if (value_bool(result, "passed")) {
		text_add(out, "/>\n");
		return;
	}
	text_add(out, ">\n      <failure message=\"");
	add_escaped(value_text(result, "why"), out);
	text_add(out, "\"/>\n    </testcase>\n");
}

void junit_write(const char *suite, const struct value *results, struct text *out)
{
	size_t count = value_count(results), failed = 0;
	int64_t seconds = 0;

	for (size_t i = 0; i < count; i++) {
		failed += !value_bool(value_at(results, i), "passed");
		seconds += value_int(value_at(results, i), "seconds");
	}
	text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"");
	add_escaped(suite, out);
	text_add(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"%" PRId64 "\">\n", count, failed, seconds);
	for (size_t i = 0; i < count; i++)
		add_case(suite, value_at(results, i), out);
	text_add(out, "  </testsuite>\n</testsuites>\n");
}
