/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/cmd/cmd.h"

#include "base/io.h"

#include <string.h>

int print_text(const char *text, struct err *e) {
    int r = io_write_all(STDOUT_FILENO, text, strlen(text));
    return r < 0 ? err_sysn(e, r, "cannot write to standard output") : 0;
}

int print_json(const js *doc, int style, struct err *e) {
    AUTO_STR struct str text = STR_INIT(64u << 20);
    if (js_print(doc, style, &text) < 0 || str_addc(&text, '\n') < 0)
        return err_oom(e);
    return print_text(str_c(&text), e);
}
