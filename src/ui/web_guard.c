/*
 * Who may ask what of the window's server.
 *
 * Theory of operation. The server listens on the loopback, where every page of every browser and every user of this machine can reach it.
 * Three fences keep them off the daemon, each enough for what it is for. The token, which only the user's terminal shows, must come with
 * every question to the API in a header that no foreign page can set without being asked first (which the server never grants). The Host
 * header must name the loopback, so that a name that an attacker points to 127.0.0.1 is of no use (DNS rebinding). Requests that a browser
 * says another site has made are refused even with a token. The page's own files hold no secret and need no token.
 */
#include "ui/web_guard.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct web_refusal bad_target = {400, "Bad Request", "the address is malformed or too long"};
static const struct web_refusal bad_host = {403, "Forbidden", "the window is reached at 127.0.0.1 or localhost only, by no other name"};
static const struct web_refusal bad_origin = {403, "Forbidden", "pages of other sites may not ask"};
static const struct web_refusal bad_method = {405, "Method Not Allowed", "the window's files can only be read"};
static const struct web_refusal bad_token = {401, "Unauthorized", "the token is missing or wrong: open the address that weft web printed"};

bool web_is_api(const char *target) { return strncmp(target, "/v1/", 4) == 0; }

/* The length of a dot at the start of the text, plain or encoded; 0: there is none. */
static size_t dot_length(const char *text)
{
	if (text[0] == '.')
		return 1;
	return strncasecmp(text, "%2e", 3) == 0 ? 3 : 0;
}

/* Whether a segment that begins here is "." or "..", however they are written (RFC 3986 5.2.4 would take them away). */
static bool segment_is_dots(const char *segment)
{
	size_t dots = 0, length;

	while ((length = dot_length(segment)) > 0) {
		segment += length;
		dots++;
	}
	return dots > 0 && dots <= 2 && (*segment == '/' || *segment == '?' || *segment == '\0');
}

/* Printable ASCII that begins with a slash and climbs nowhere. */
static bool target_is_good(const char *target)
{
	bool query = false;

	if (target[0] != '/' || strlen(target) > WEB_TARGET_CHARS_MAX)
		return false;
	for (const char *at = target; *at; at++) {
		query = query || *at == '?';
		if (*at < 0x21 || *at > 0x7e)
			return false;
		if (*at == '/' && !query && segment_is_dots(at + 1))
			return false;
	}
	return true;
}

/* "127.0.0.1:8480" and its like, exactly. */
static bool host_is_ours(const struct web_rules *rules, const char *host)
{
	static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
	char ours[64];

	for (size_t i = 0; host != NULL && i < COUNT_OF(names); i++) {
		(void)snprintf(ours, sizeof(ours), "%s:%u", names[i], rules->port);
		if (strcasecmp(host, ours) == 0 || (rules->port == 80 && strcasecmp(host, names[i]) == 0))
			return true;
	}
	return false;
}

/* The page that asks is the one that this server gave, or there is none (a program, or an address that was typed in). */
static bool origin_is_ours(const struct web_head *head)
{
	if (head->site != NULL && strcmp(head->site, "same-origin") != 0 && strcmp(head->site, "none") != 0)
		return false;
	if (head->origin == NULL)
		return true;
	return strncmp(head->origin, "http://", 7) == 0 && strcasecmp(head->origin + 7, head->host) == 0;
}

/* Compares in a time that says nothing about how much of a wrong token is right. */
static bool token_is_ours(const struct web_rules *rules, const char *authorization)
{
	static const char scheme[] = "Bearer ";
	unsigned differs = 0;

	if (authorization == NULL || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return false;
	authorization += sizeof(scheme) - 1;
	if (strlen(authorization) != WEB_TOKEN_CHARS || rules->token[WEB_TOKEN_CHARS - 1] == '\0')
		return false;
	for (size_t i = 0; i < WEB_TOKEN_CHARS; i++)
		differs |= (unsigned char)(authorization[i] ^ rules->token[i]);
	return differs == 0;
}

const struct web_refusal *web_guard(const struct web_rules *rules, const struct web_head *head)
{
	if (!target_is_good(head->target))
		return &bad_target;
	if (!host_is_ours(rules, head->host))
		return &bad_host;
	if (web_is_api(head->target)) {
		if (!origin_is_ours(head))
			return &bad_origin;
		return token_is_ours(rules, head->authorization) ? NULL : &bad_token;
	}
	return strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0 ? NULL : &bad_method;
}

bool web_key_is_good(const char *key)
{
	size_t length = key ? strspn(key, "0123456789abcdefghijklmnopqrstuvwxyz") : 0;

	return length >= WEB_KEY_CHARS_MIN && length <= WEB_KEY_CHARS_MAX && key[length] == '\0';
}
