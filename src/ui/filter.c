/* Capture filters: the only face of libpcap on the client's side, loaded when a filter is asked for, since it brings much along. */
#include "ui/filter.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <string.h>

/* Frames are Ethernet, and none is longer. */
#define FRAME_BYTES_MAX 262144

static struct {
	pcap_t *(*open_dead)(int linktype, int snaplen);
	int (*compile)(pcap_t *pcap, struct bpf_program *program, const char *words, int optimize, bpf_u_int32 netmask);
	char *(*geterr)(pcap_t *pcap);
	void (*freecode)(struct bpf_program *program);
	void (*close)(pcap_t *pcap);
} pcap_calls;

static bool pcap_load(void)
{
	static const struct {
		const char *name;
		void *call;
	} symbols[] = {
		{"pcap_open_dead", &pcap_calls.open_dead},
		{"pcap_compile", &pcap_calls.compile},
		{"pcap_geterr", &pcap_calls.geterr},
		{"pcap_freecode", &pcap_calls.freecode},
		{"pcap_close", &pcap_calls.close},
	};
	void *library = dlopen("libpcap.so.0.8", RTLD_LAZY | RTLD_LOCAL);

	for (size_t i = 0; library != NULL && i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (symbol == NULL)
			return false;
		memcpy(symbols[i].call, &symbol, sizeof(symbol));
	}
	return library != NULL;
}

int filter_compile(const char *words, struct text *program, struct err *err)
{
	struct bpf_program code = {0};
	pcap_t *pcap;
	int rc = 0;

	if (pcap_calls.close == NULL && !pcap_load())
		return err_set(err, -ELIBACC, "filters need libpcap (apt-get install libpcap0.8)");
	pcap = pcap_calls.open_dead(DLT_EN10MB, FRAME_BYTES_MAX);
	if (pcap == NULL)
		return err_set(err, -ENOMEM, "no memory for the filter");
	if (pcap_calls.compile(pcap, &code, words, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		rc = err_set(err, -EINVAL, "filter \"%.100s\": %s (see pcap-filter(7))", words, pcap_calls.geterr(pcap));
	} else {
		for (unsigned i = 0; i < code.bf_len; i++)
			text_add(program, "%04x%02x%02x%08" PRIx32, code.bf_insns[i].code, code.bf_insns[i].jt, code.bf_insns[i].jf,
				(uint32_t)code.bf_insns[i].k);
		pcap_calls.freecode(&code);
	}
	pcap_calls.close(pcap);
	return rc;
}
