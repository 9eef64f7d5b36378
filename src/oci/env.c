/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/bundle.h"

#include <string.h>

#define ENV_MAX_TIDIED 4096 /* a document may hold a million words */

/* The place of the same variable among the first n. */
static size_t env_find(const struct strlist *env, size_t n, const char *word) {
    size_t len = strcspn(word, "="), i = 0;
    while (i < n && (strncmp(env->v[i], word, len) != 0 || env->v[i][len] != '='))
        i++;
    return i;
}

void oci_env_tidy(struct strlist *env) {
    size_t out = 0;
    if (env->n > ENV_MAX_TIDIED)
        return;
    for (size_t i = 0; i < env->n; i++) {
        size_t at = env_find(env, out, env->v[i]);
        env->v[at] = env->v[i];
        out += at == out;
    }
    env->n = out;
    size_t home = env_find(env, out, "HOME=");
    if (home < out && !env->v[home][5]) { /* empty: init looks it up */
        memmove(env->v + home, env->v + home + 1, (out - home - 1) * sizeof(*env->v));
        env->n--;
    }
}
