/* weft web: the running labs in a browser of this machine. */
#include "ui/api_client.h"
#include "ui/web_files.h"
#include "ui/web_server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

/* Where it is when nobody says where; any free port when somebody else is there. */
#define PORT_USUAL 8480

static bool read_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*port = (uint16_t)number;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && number <= UINT16_MAX;
}

static struct web_server *start(const char *socket, const char *wanted, uint16_t port, struct err *err)
{
	struct web_server *server = web_server_new(socket, port, err);

	if (server == NULL && wanted == NULL && err->code == -EADDRINUSE)
		server = web_server_new(socket, 0, err);
	return server;
}

enum status web_run(struct call *call)
{
	const char *socket = client_socket(call), *wanted = call_option(call, "port");
	const struct web_rules *rules;
	struct web_server *server;
	uint16_t port = PORT_USUAL;
	struct err err = {0};
	sigset_t ends;
	int signal = 0;

	if (socket == NULL)
		return STATUS_FAILED;
	if (web_file_count == 0)
		return call_fail(call, STATUS_FAILED, "this weft was built without its window: %s", web_files_missing);
	if (wanted != NULL && !read_port(wanted, &port))
		return call_fail(call, STATUS_USAGE, "\"%s\" is no port: a number up to 65535 is expected, 0 for any free one", wanted);
	/* Blocked before there are threads, so that none of them gets these. */
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	server = start(socket, wanted, port, &err);
	if (server == NULL)
		return call_fail(call, STATUS_FAILED, "%s", err.text);
	rules = web_server_rules(server);
	(void)fprintf(call->out, "http://127.0.0.1:%u/#token=%s\n", rules->port, rules->token);
	(void)fflush(call->out);
	if (!call->quiet)
		(void)fputs("Whoever has this address may do with the labs what you may. Ctrl-C ends it.\n", call->err);
	(void)sigwait(&ends, &signal);
	web_server_free(server);
	return STATUS_OK;
}
