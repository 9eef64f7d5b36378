/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/exit_file.h"

#include "base/io.h"
#include "base/str.h"
#include "monitor/protocol.h"

#include <stdio.h>
#include <string.h>

/* JSON string body. Error texts hold no control characters (base/err.c); others become blanks. */
static void exit_quote(const char *s, char *out, size_t size) {
    size_t n = 0;

    for (; *s && n + 3 < size; s++) {
        if (*s == '"' || *s == '\\')
            out[n++] = '\\';
        out[n++] = (unsigned char)*s < 0x20 ? ' ' : *s;
    }
    out[n] = '\0';
}

int mon_write_exit(int dirfd, const struct mon_exit *x) {
    char started[36] = "", finished[36] = "";
    char error[2 * sizeof(x->error) + 4];
    char text[1024];

    exit_quote(x->error, error, sizeof(error));
    if (x->started_ns)
        str_rfc3339(x->started_ns, started);
    if (x->finished_ns)
        str_rfc3339(x->finished_ns, finished);
    int n = snprintf(text, sizeof(text),
                     "{\"ExitCode\":%d,\"OOMKilled\":%s,\"StartedAt\":\"%s\",\"FinishedAt\":\"%s\","
                     "\"Error\":\"%s\"}\n",
                     x->code, x->oom_killed ? "true" : "false", started, finished, error);
    if (n < 0 || (size_t)n >= sizeof(text))
        return -EOVERFLOW;
    return io_replace_file(dirfd, MON_EXIT, text, (size_t)n, 0600, false);
}
