/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/caps.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { CAPS_MAX = 63 };

uint64_t caps_mask(int last) {
    return last >= CAPS_MAX ? UINT64_MAX : (CAPS_BIT(last + 1) - 1);
}

int caps_last(void) {
    int last = CAP_LAST_CAP; /* of the headers; the kernel may know fewer or more */

    while (last >= 0 && prctl(PR_CAPBSET_READ, last, 0, 0, 0) < 0)
        last--;
    while (last < CAPS_MAX && prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0)
        last++;
    return last;
}

int caps_current(struct caps *ret) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    struct caps c = {0};

    if (syscall(SYS_capget, &head, data) < 0)
        return -errno;
    c.effective = data[0].effective | (uint64_t)data[1].effective << 32;
    c.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    c.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    for (int i = 0; i <= CAPS_MAX; i++) {
        int r = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
        if (r < 0)
            break; /* beyond the kernel's last */
        if (r > 0)
            c.bounding |= CAPS_BIT(i);
        /* what cannot be inherited cannot be ambient */
        if ((c.inheritable & CAPS_BIT(i)) &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) > 0)
            c.ambient |= CAPS_BIT(i);
    }
    *ret = c;
    return 0;
}

int caps_givable(uint64_t *ret) {
    struct caps c = {0};
    int r = caps_current(&c);

    if (r == 0)
        *ret = c.bounding & c.permitted;
    return r;
}

int caps_bound(uint64_t keep) {
    for (int i = 0; i <= CAPS_MAX; i++) {
        if (keep & CAPS_BIT(i))
            continue;
        if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
            continue;
        int failed = errno, there = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
        if (there < 0)
            break; /* beyond the kernel's last */
        if (there > 0)
            return -failed;
    }
    return 0;
}

int caps_set(const struct caps *c) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)c->effective, (uint32_t)c->permitted, (uint32_t)c->inheritable},
        {(uint32_t)(c->effective >> 32), (uint32_t)(c->permitted >> 32),
         (uint32_t)(c->inheritable >> 32)},
    };
    uint64_t ambient = c->ambient & c->permitted & c->inheritable;

    if (syscall(SYS_capset, &head, data) < 0)
        return -errno;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return -errno;
    for (int i = 0; i <= CAPS_MAX; i++)
        if ((ambient & CAPS_BIT(i)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
            return -errno;
    return 0;
}

int caps_apply(const struct caps *c) {
    int r = caps_bound(c->bounding);

    return r < 0 ? r : caps_set(c);
}
