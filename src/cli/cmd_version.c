/* SPDX-License-Identifier: Apache-2.0 */
/* version: opens nothing. */
#include "cli/commands.h"
#include "cli/format.h"

#include <stdio.h>
#include <sys/utsname.h>

struct version_args {
    const char *format;
};

static const struct opt version_opts[] = {
    OPT(struct version_args, 'f', format, "format", OPT_STRING, "string",
        "Format output using a Go template, or json"),
};
const struct opt_table version_table = {
    .command = "version",
    .usage = "[OPTIONS]",
    .summary = "Show the hako version information",
    .opts = version_opts,
    .nopts = ARRAY_SIZE(version_opts),
};

#if defined(__clang__)
#define VERSION_COMPILER "clang " __clang_version__
#else
#define VERSION_COMPILER "gcc " __VERSION__
#endif

#if defined(__x86_64__)
#define VERSION_ARCH "amd64"
#elif defined(__aarch64__)
#define VERSION_ARCH "arm64"
#elif defined(__riscv) && __riscv_xlen == 64
#define VERSION_ARCH "riscv64"
#else
#define VERSION_ARCH "unknown"
#endif

/* docker's two halves: one program is both here, and scripts ask for either. */
static js *version_half(const char *kernel) {
    js *o = js_new_object();
    js_set_str(o, "Version", hako_version());
    js_set_str(o, "Os", "linux");
    js_set_str(o, "Arch", VERSION_ARCH);
    js_set_str(o, "Compiler", VERSION_COMPILER);
    if (kernel)
        js_set_str(o, "KernelVersion", kernel);
    return o;
}

int cmd_version(struct cli *c, int argc, char **argv) {
    struct version_args v = {0};
    char **args;
    size_t n;
    int code = cli_parse(c, &version_table, argc, argv, &v, &args, &n, 1);
    if (code >= 0)
        return code;
    if (!v.format) {
        printf("Client: hako\n"
               " Version:    %s\n"
               " Compiler:   %s\n"
               " OS/Arch:    linux/%s\n"
               "\n"
               "Server: none, hako has no daemon\n",
               hako_version(), VERSION_COMPILER, VERSION_ARCH);
        return 0;
    }
    struct utsname u = {0};
    uname(&u);
    AUTO_JS js *o = js_new_object();
    js_set(o, "Client", version_half(NULL));
    js_set(o, "Server", version_half(u.release));
    return format_document(v.format, o);
}
