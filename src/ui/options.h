/* Options of the command line. */
#ifndef UI_OPTIONS_H
#define UI_OPTIONS_H

#include "base/text.h"
#include "ui/call.h"

/*
 * Reads argv into `call`: command words, options anywhere (a word after "--" is none), arguments. Sets call->command. Returns STATUS_OK, or
 * STATUS_USAGE with a sentence in `problem`. With -h and no command call->command is NULL.
 */
enum status options_read(struct call *call, int argc, char **argv, struct text *problem);

/* The options that every command has, ended by a row without name. */
const struct option_row *options_common(void);

#endif
