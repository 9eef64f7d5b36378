/* SPDX-License-Identifier: Apache-2.0 */
/* A container that is there, with all that is known of it. */
#pragma once

#include "oci/state.h"

struct oci_open {
    struct oci_dir dir;
    struct oci_state st;
    struct plan plan;
    enum oci_status status;
    struct arena *a;
};

int oci_open(const struct oci *o, const char *id, struct oci_open *ret, struct err *e);
void oci_open_close(struct oci_open *c);
#define AUTO_OPEN CLEANUP(oci_open_close)
#define OCI_OPEN_INIT ((struct oci_open){.dir.fd = -1})
