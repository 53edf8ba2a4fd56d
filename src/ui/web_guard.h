/* Who may ask what of the window's server: a pure decision on the head of a request. */
#ifndef UI_WEB_GUARD_H
#define UI_WEB_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* A token is so many characters, hexadecimal. */
#define WEB_TOKEN_CHARS 32

/* The longest target (path and query) that is passed on, and the key of a console, characters. */
#define WEB_TARGET_CHARS_MAX 2000
#define WEB_KEY_CHARS_MIN 8
#define WEB_KEY_CHARS_MAX 64

/* What this server was started with. */
struct web_rules {
	uint16_t port;
	char token[WEB_TOKEN_CHARS + 1];
};

/* The head of a request; NULL where a header is missing. `target` is as it came, percent-encoded. */
struct web_head {
	const char *method;
	const char *target;
	const char *host;
	const char *origin;
	const char *site; /* Sec-Fetch-Site */
	const char *authorization;
};

struct web_refusal {
	unsigned status;
	const char *title;
	const char *detail;
};

/* NULL when the request may be answered, else why not. Lives for ever. */
const struct web_refusal *web_guard(const struct web_rules *rules, const struct web_head *head);

/* True when the target belongs to the daemon's API and is to be passed on. */
bool web_is_api(const char *target);

/* True when a console's stream may be known by this key: some letters and digits. */
bool web_key_is_good(const char *key);

#endif
