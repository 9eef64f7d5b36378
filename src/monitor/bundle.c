/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/bundle.h"

#include "base/io.h"
#include "base/path.h"
#include "monitor/protocol.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define BUNDLE_MAGIC UINT64_C(0x0131006f6b61683d) /* changes with the layout */
#define BUNDLE_ALIGN ((size_t)16)
#define BUNDLE_MAX ((size_t)32 << 20)

struct bundle_header {
    uint64_t magic;
    uint64_t settings_len, plan_len, net_len;
};

static size_t bundle_round(size_t n) {
    return (n + BUNDLE_ALIGN - 1) & ~(BUNDLE_ALIGN - 1);
}

static bool bundle_text_ok(const char *s, size_t size) {
    return memchr(s, '\0', size) != NULL;
}

/* Names that become parts of paths when the container is removed. */
static bool bundle_names_ok(const struct mon_settings *s) {
    const char *p = s->volumes;

    if (!bundle_text_ok(s->id, sizeof(s->id)) || !path_is_component(s->id) ||
        !bundle_text_ok(s->name, sizeof(s->name)) || (s->name[0] && !path_is_component(s->name)) ||
        !bundle_text_ok(s->isolation, sizeof(s->isolation)) ||
        !bundle_text_ok(s->lease, sizeof(s->lease)) || s->lease[0] == '/' ||
        strstr(s->lease, "..") || !bundle_text_ok(s->volumes, sizeof(s->volumes)))
        return false;
    while (*p) {
        char one[128];
        size_t n = strcspn(p, ",");
        if (n >= sizeof(one))
            return false;
        memcpy(one, p, n);
        one[n] = '\0';
        if (!path_is_component(one))
            return false;
        p += n + (p[n] == ',');
    }
    return true;
}

int bundle_parse(const void *p, size_t len, struct mon_bundle *ret, struct err *e) {
    struct bundle_header h;

    if (len < sizeof(h))
        return err_set(e, ERR_CORRUPT, -EINVAL, "bundle: cut short");
    memcpy(&h, p, sizeof(h));
    if (h.magic != BUNDLE_MAGIC || h.settings_len != sizeof(struct mon_settings))
        return err_set(e, ERR_CORRUPT, -EINVAL,
                       "bundle: written by another version of hako; create the container anew");
    if (h.plan_len == 0 || h.plan_len > BUNDLE_MAX || h.net_len > BUNDLE_MAX)
        return err_set(e, ERR_CORRUPT, -EINVAL, "bundle: impossible sizes");
    size_t settings_at = bundle_round(sizeof(h));
    size_t plan_at = settings_at + bundle_round(sizeof(struct mon_settings));
    size_t net_at = plan_at + bundle_round((size_t)h.plan_len);
    if (len != net_at + h.net_len)
        return err_set(e, ERR_CORRUPT, -EINVAL, "bundle: cut short");
    const char *base = p;
    const struct mon_settings *s = (const void *)(base + settings_at);
    if (!bundle_names_ok(s))
        return err_set(e, ERR_CORRUPT, -EINVAL, "bundle: malformed names");
    *ret = (struct mon_bundle){
        .settings = s,
        .plan = base + plan_at,
        .plan_len = (size_t)h.plan_len,
        .net = h.net_len ? base + net_at : NULL,
        .net_len = (size_t)h.net_len,
    };
    return 0;
}

static int bundle_section(int fd, const void *p, size_t n) {
    static const char zeros[BUNDLE_ALIGN];
    int r = io_write_all(fd, p, n);

    return r < 0 ? r : io_write_all(fd, zeros, bundle_round(n) - n);
}

int bundle_write(int dirfd, const struct mon_settings *s, const void *plan, size_t plan_len,
                 const void *net, size_t net_len, struct err *e) {
    struct bundle_header h = {BUNDLE_MAGIC, sizeof(*s), plan_len, net_len};
    AUTO_FD int fd =
        openat(dirfd, MON_BUNDLE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r;

    if (plan_len == 0 || plan_len > BUNDLE_MAX || net_len > BUNDLE_MAX || !bundle_names_ok(s))
        return err_set(e, ERR_INTERNAL, -EINVAL, "bundle: impossible sizes or names");
    if (fd < 0)
        return err_sys(e, "cannot create the container's bundle");
    if ((r = bundle_section(fd, &h, sizeof(h))) < 0 ||
        (r = bundle_section(fd, s, sizeof(*s))) < 0 ||
        (r = bundle_section(fd, plan, plan_len)) < 0 || (r = io_write_all(fd, net, net_len)) < 0)
        return err_sysn(e, r, "cannot write the container's bundle");
    return 0;
}

int bundle_open(int dirfd, struct mon_bundle *ret, struct err *e) {
    AUTO_FD int fd = openat(dirfd, MON_BUNDLE, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    struct mon_bundle b;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "cannot open the container's bundle");
    if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > 2 * BUNDLE_MAX)
        return err_set(e, ERR_CORRUPT, -EINVAL, "bundle: impossible size");
    size_t len = (size_t)st.st_size;
    void *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return err_sys(e, "cannot map the container's bundle");
    int r = bundle_parse(map, len, &b, e);
    if (r < 0) {
        munmap(map, len);
        return r;
    }
    b.map_ = map;
    b.map_len_ = len;
    *ret = b;
    return 0;
}

void bundle_close(struct mon_bundle *b) {
    if (b->map_)
        munmap(b->map_, b->map_len_);
    *b = (struct mon_bundle){0};
}
