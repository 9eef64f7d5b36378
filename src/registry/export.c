/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/export.h"

#include "base/io.h"
#include "registry/helper.h"
#include "store/snapshot_tar.h"

struct exporting {
    struct job *job;
    int fd;
};

static int export_write(void *data, const void *p, size_t n, struct err *e) {
    struct exporting *x = data;
    int r = io_write_all(x->fd, p, n);
    if (r < 0)
        return err_sysn(e, r, "cannot write the archive");
    return job_cancelled(x->job) ? err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled") : 0;
}

static int export_work(struct job *j, const void *data, void *result, struct err *e) {
    const struct export_request *rq = data;
    struct exporting x = {j, rq->fd};
    const struct tar_sink sink = {export_write, &x};
    const struct snapshot_tar_options none = {.mount_points = NULL};
    (void)result;
    return snapshot_tar_export(rq->snapshot, &none, &sink, e);
}

int export_tree(const struct export_request *rq, struct err *e) {
    const struct helper_task t = {.what = "export",
                                  .store = rq->store,
                                  .userns_fd = rq->userns_fd,
                                  .fds = {rq->fd, -1, -1},
                                  .work = export_work,
                                  .rq = rq};
    return helper_run(&t, NULL, 0, NULL, e);
}
