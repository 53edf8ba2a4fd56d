/* Capture filters in the words of pcap-filter(7), compiled by libpcap. */
#ifndef UI_FILTER_H
#define UI_FILTER_H

#include "base/err.h"
#include "base/text.h"

/* Adds the program of a filter, each instruction as 16 hexadecimal digits; 0, or a negative errno with what libpcap says. */
int filter_compile(const char *words, struct text *program, struct err *err);

#endif
