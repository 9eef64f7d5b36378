/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/format.h"

#include <stdio.h>
#include <string.h>

struct info_args {
    const char *format;
};

static const struct opt info_opts[] = {
    OPT(struct info_args, 'f', format, "format", OPT_STRING, "string",
        "Format output using a Go template, or json"),
};
const struct opt_table info_table = {
    .command = "info",
    .usage = "[OPTIONS]",
    .summary = "Display system-wide information",
    .opts = info_opts,
    .nopts = ARRAY_SIZE(info_opts),
};

static void info_line(struct str *out, const char *title, js *v) {
    switch (js_type(v)) {
    case JS_STRING:
        str_addf(out, " %s: %s\n", title, js_str(v));
        break;
    case JS_INT:
        str_addf(out, " %s: %lld\n", title, (long long)js_i64(v, 0));
        break;
    case JS_BOOL:
        str_addf(out, " %s: %s\n", title, js_bool(v, false) ? "true" : "false");
        break;
    default:
        break;
    }
}

static void info_list(struct str *out, const char *title, js *v) {
    str_addf(out, " %s:", title);
    for (size_t i = 0; i < js_len(v); i++)
        str_addf(out, " %s", js_str(js_at(v, i)) ? js_str(js_at(v, i)) : "");
    str_add(out, js_len(v) ? "\n" : " none\n");
}

/* "name=seccomp,profile=builtin" → "seccomp" and " Profile: builtin" */
static void info_security(struct str *out, js *v) {
    str_add(out, " Security Options:\n");
    for (size_t i = 0; i < js_len(v); i++) {
        const char *s = js_str(js_at(v, i));
        const char *name = s && str_starts(s, "name=") ? s + 5 : s, *comma = s ? strchr(s, ',') : s;
        if (!name)
            continue;
        str_addf(out, "  %.*s\n", comma ? (int)(comma - name) : (int)strlen(name), name);
        if (comma && str_starts(comma + 1, "profile="))
            str_addf(out, "   Profile: %s\n", comma + 9);
    }
}

static void info_memory(struct str *out, js *v) {
    uint64_t bytes = js_u64(v, 0), gib = (uint64_t)1 << 30;
    str_addf(out, " Total Memory: %llu.%02lluGiB\n", (unsigned long long)(bytes / gib),
             (unsigned long long)(bytes % gib * 100 / gib));
}

static int info_text(js *o) {
    AUTO_STR struct str out = STR_INIT(0);
    str_addf(&out, "Client: hako\n Version: %s\n\nServer: none, hako has no daemon\n",
             hako_version());
    info_line(&out, "Containers", js_get(o, "Containers"));
    info_line(&out, " Running", js_get(o, "ContainersRunning"));
    info_line(&out, " Paused", js_get(o, "ContainersPaused"));
    info_line(&out, " Stopped", js_get(o, "ContainersStopped"));
    info_line(&out, "Images", js_get(o, "Images"));
    info_line(&out, "Storage Driver", js_get(o, "Driver"));
    info_line(&out, "Cgroup Version", js_get(o, "CgroupVersion"));
    info_list(&out, "Cgroup Limits", js_get(o, "CgroupLimits"));
    info_security(&out, js_get(o, "SecurityOptions"));
    info_line(&out, "Rootless", js_get(o, "Rootless"));
    info_line(&out, "Kernel Version", js_get(o, "KernelVersion"));
    info_line(&out, "Operating System", js_get(o, "OperatingSystem"));
    info_line(&out, "OSType", js_get(o, "OSType"));
    info_line(&out, "Architecture", js_get(o, "Architecture"));
    info_line(&out, "CPUs", js_get(o, "NCPU"));
    info_memory(&out, js_get(o, "MemTotal"));
    info_line(&out, "Name", js_get(o, "Name"));
    info_line(&out, "Hako Root Dir", js_get(o, "HakoRootDir"));
    info_line(&out, "Hako Run Dir", js_get(o, "HakoRunDir"));
    return cli_print(&out);
}

int cmd_info(struct cli *c, int argc, char **argv) {
    struct info_args a = {0};
    AUTO_FREE char *json = NULL;
    AUTO_JS js *o = NULL;
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &info_table, argc, argv, &a, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    if (hako_engine_info(g, &json, &e) < 0 ||
        js_parse(json, strlen(json), "info", &o, cli_err(&e)) < 0)
        return cli_fail(&e, 1);
    return a.format ? format_document(a.format, o) : info_text(o);
}
