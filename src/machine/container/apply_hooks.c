/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks in the middle of init's plan. */
#include "machine/container/apply.h"

#include "machine/container/hook.h"
#include "machine/container/sync.h"

#include <string.h>

/* At the head of the plan, where the paths of the files are still the runtime's. */
int apply_state(struct apply *a, const struct plan_step *s) {
    static const char *const names[] = {"standard output", "standard error"};
    a->state = s;
    for (int i = 0; i < 2; i++) {
        int fd = hook_output(a->plan, s, i);
        if (fd < -1)
            return err_sysn(a->e, fd, "cannot open the file for the %s of hooks, %s", names[i],
                            apply_str(a, s, 2 + i));
        a->hook_out[i] = fd;
    }
    return 0;
}

int apply_ask_hooks(struct apply *a, const struct plan_step *s) {
    int r = sync_say(a->sock, SYNC_HOOKS, -1);
    if (r < 0)
        return r;
    if (!sync_expect(a->sock, SYNC_GO_ON))
        _exit(125); /* a hook failed, and whoever ran it knows */
    return 0;
}

int apply_hook(struct apply *a, const struct plan_step *s) {
    bool start = s->num[0] == PLAN_HOOK_START;
    if (!a->state)
        return err_set(a->e, ERR_CORRUPT, -EINVAL, "a hook without a state to tell it");
    struct hook_world w = {.plan = a->plan,
                           .state = a->state,
                           .status = start ? "created" : "creating",
                           .pid = getpid(),
                           .dir = start ? -1 : a->root,
                           .out = a->hook_out[0],
                           .err = a->hook_out[1],
                           .clean = !start};
    return hook_run(&w, s, (uint32_t)s->num[2], a->e);
}
