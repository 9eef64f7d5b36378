/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/plan_format.h"

#include <stdio.h>
#include <string.h>

static int print_string(struct str *out, const char *s) {
    int r = str_addc(out, '"');
    for (; r == 0 && *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            r = str_addf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            r = str_addf(out, "\\x%02x", c);
        else
            r = str_addc(out, (char)c);
    }
    return r < 0 ? r : str_addc(out, '"');
}

static int print_list(const struct plan *p, uint32_t ref, struct str *out) {
    uint32_t n;
    const uint32_t *v = plan_list(p, ref, &n);
    int r = str_addc(out, '[');
    for (uint32_t i = 0; r == 0 && i < n; i++) {
        r = i ? str_addc(out, ' ') : 0;
        if (r == 0)
            r = print_string(out, plan_str(p, v[i]));
    }
    return r < 0 ? r : str_addc(out, ']');
}

static int print_ref(const struct plan *p, char kind, uint32_t ref, struct str *out) {
    uint32_t len;
    int r = str_addc(out, ' ');
    if (r < 0)
        return r;
    if (ref == 0)
        return str_addc(out, '-');
    switch (kind) {
    case 'L':
    case 'l':
        return print_list(p, ref, out);
    case 'B':
        plan_blob(p, ref, &len);
        return str_addf(out, "<%u bytes>", len);
    default:
        return print_string(out, plan_str(p, ref));
    }
}

static int print_number(char kind, uint64_t v, struct str *out) {
    if (kind == 'x')
        return str_addf(out, " 0x%llx", (unsigned long long)v);
    if (kind == 'o')
        return str_addf(out, " 0%llo", (unsigned long long)v);
    if (v == UINT64_MAX)
        return str_add(out, " unlimited");
    return str_addf(out, " %lld", (long long)v);
}

static int print_flags(uint32_t flags, struct str *out) {
    static const char *const words[] = {
        "optional",  "recursive",   "copy-up",    "nofollow", "in-proc", "clamp",
        "as-init",   "second-try",  "early",      "straight", "mapped",  "map-all",
        "copy-link", "source-link", "else",       "in-place", "move",    "make",
        "find-home", "given",       "mode-below", "brief",    "in-root", "whole"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(words); i++) {
        if (flags & (1u << i))
            r = str_addf(out, " (%s)", words[i]);
    }
    return r;
}

static int print_step(const struct plan *p, const char *section, const struct plan_step *s,
                      struct str *out) {
    const struct plan_op_info *info = &plan_op_info[s->op];
    int r = str_addf(out, "%-5s %s", section, info->word);
    for (size_t i = 0; r == 0 && info->refs[i]; i++)
        r = print_ref(p, info->refs[i], s->ref[i], out);
    for (size_t i = 0; r == 0 && info->nums[i]; i++)
        r = print_number(info->nums[i], s->num[i], out);
    if (r == 0)
        r = print_flags(s->flags, out);
    return r < 0 ? r : str_addc(out, '\n');
}

int plan_print(const struct plan *p, struct str *out) {
    static const char *const names[PLAN_SECTIONS] = {"host", "birth", "born", "init", "hooks"};
    int r = str_addf(out, "%-5s namespaces 0x%llx of 0x%llx%s%s\n", "plan",
                     (unsigned long long)p->h->clone_ns, (unsigned long long)p->h->all_ns,
                     p->h->flags & PLAN_F_EXEC ? " exec" : "",
                     p->h->flags & PLAN_F_TERMINAL ? " terminal" : "");
    for (int section = 0; r == 0 && section < PLAN_SECTIONS; section++) {
        uint32_t n;
        const struct plan_step *s = plan_steps(p, (enum plan_section)section, &n);
        for (uint32_t i = 0; r == 0 && i < n; i++)
            r = print_step(p, names[section], &s[i], out);
    }
    return r;
}
