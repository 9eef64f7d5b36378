/* SPDX-License-Identifier: Apache-2.0 */
#include "store/discard.h"

#include "base/path.h"
#include "sys/userns.h"

struct discard_job {
    int dirfd;
    const char *name;
};

static int discard_in_userns(void *data, struct err *e) {
    const struct discard_job *job = data;
    int r = path_remove_tree(job->dirfd, job->name);
    return r < 0 ? err_sysn(e, r, "cannot remove %s", job->name) : 0;
}

int discard_tree(int dirfd, const char *name, struct err *e) {
    int r = path_remove_tree(dirfd, name);
    if (r == 0)
        return 0;
    if ((r != -EACCES && r != -EPERM) || geteuid() == 0)
        return err_sysn(e, r, "cannot remove %s", name);
    struct userns_maps maps;
    r = userns_maps_read(&maps, e);
    if (r < 0)
        return r;
    struct discard_job job = {dirfd, name};
    return userns_run(&maps, discard_in_userns, &job, e);
}
