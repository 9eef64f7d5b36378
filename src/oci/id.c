/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/oci.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int oci_check_id(const char *id, struct err *e) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_+-.";
    if (str_empty(id))
        return err_set(e, ERR_USAGE, -EINVAL, "container id cannot be empty");
    size_t n = strlen(id);
    if (n > OCI_MAX_ID || id[strspn(id, allowed)] || str_eq(id, ".") || str_eq(id, ".."))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid container ID format: %.200s: letters, digits and _ + - . are "
                       "allowed",
                       id);
    return 0;
}

void oci_trace(const struct oci *o, const char *text) {
    if (o->trace)
        o->trace(o->data, text);
}

void oci_warn(const struct oci *o, const char *fmt, ...) {
    char text[600];
    va_list ap;
    if (!o->say)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    o->say(o->data, text);
}
