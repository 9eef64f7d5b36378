/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/pidfile.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>

int pidfile_write(const char *path, pid_t pid, struct err *e) {
    char text[16];
    if (str_empty(path))
        return 0;
    int n = snprintf(text, sizeof(text), "%d", (int)pid);
    int r = io_replace_file(AT_FDCWD, path, text, (size_t)n, 0644, false);
    return r < 0 ? err_sysn(e, r, "cannot write the pid file %.300s", path) : 0;
}
