/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/open.h"

static void open_move(struct oci_open *ret, struct oci_open *from) {
    *ret = *from;
    *from = OCI_OPEN_INIT;
}

int oci_open(const struct oci *o, const char *id, struct oci_open *ret, struct err *e) {
    AUTO_OPEN struct oci_open c = {.dir.fd = -1, .a = arena_new()};
    if (!c.a)
        return err_oom(e);
    int r = oci_state_open(o, id, false, &c.dir, e);
    if (r == 0)
        r = oci_state_read(&c.dir, c.a, &c.st, e);
    if (r == 0)
        r = oci_state_plan(&c.dir, c.a, &c.plan, e);
    if (r < 0)
        return r;
    c.status = oci_state_status(&c.dir, &c.st, &c.plan);
    open_move(ret, &c);
    return 0;
}

void oci_open_close(struct oci_open *c) {
    oci_state_close(&c->dir);
    oci_state_free(&c->st);
    arena_freep(&c->a);
}
