/* The API of what machines did (GET /v1/history). */
#include "ctl/api.h"
#include "ctl/history.h"

void api_history(struct api_call *call) { api_reply(call, 200, history_json(call->ctl->history, api_query(call, "lab"))); }
