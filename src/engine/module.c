/* SPDX-License-Identifier: Apache-2.0 */
/* Modules: code whose libraries are too dear for every start, loaded on first use. */
#include "engine/engine.h"

#include <dlfcn.h>

int module_registry(hako_engine *g, const struct registry_module **ret, struct err *e) {
    if (!g->registry) {
        char *path = NULL;
        int r = engine_helper(g, "modules/registry.so", g->a, &path, e);
        if (r < 0)
            return r;
        g->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!g->module)
            return err_set(e, ERR_UNAVAILABLE, -ELIBACC, "cannot load %s: %s", path, dlerror());
        const struct registry_module *m = dlsym(g->module, "hako_registry_module");
        if (!m || m->size != sizeof(*m))
            return err_set(e, ERR_UNAVAILABLE, -ELIBBAD, "%s is of another hako: reinstall hako",
                           path);
        g->registry = m;
    }
    *ret = g->registry;
    return 0;
}
