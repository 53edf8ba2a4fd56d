/* What `weft help` and `--help` print. */
#ifndef UI_HELP_H
#define UI_HELP_H

#include "base/text.h"
#include "ui/ui.h"

/* All commands, grouped. */
void help_overview(const struct command *table, size_t count, struct text *out);

/* One command with options and examples. */
void help_command(const struct command *command, struct text *out);

#endif
