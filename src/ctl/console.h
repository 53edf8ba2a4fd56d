/* A machine's serial line on an HTTP connection that was upgraded: bytes both ways. */
#ifndef CTL_CONSOLE_H
#define CTL_CONSOLE_H

#include "ctl/api.h"

#define CONSOLE_PROTOCOL "weft-console"

/* Answers the call with 101 and joins its connection with the line (a stream socket, taken over) until either ends. */
void console_serve(struct api_call *call, int line, const char *protocol);

#endif
