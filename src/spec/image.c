/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/image.h"

#include "spec/image_tables.h"

#define PLATFORM_FIELDS(T, at)                                                                     \
    {FIELD(T, STR, "os", at os)}, {FIELD(T, STR, "architecture", at arch)},                        \
        {FIELD(T, STR, "variant", at variant)}, {                                                  \
        FIELD(T, STR, "os.version", at os_version)                                                 \
    }

static const struct field platform_fields[] = {PLATFORM_FIELDS(struct platform, )};
const struct field_table image_platform_table = FIELD_TABLE(struct platform, platform_fields);

/* --- config.Healthcheck: docker's, durations in nanoseconds --------------------------------- */

static const struct field health_fields[] = {
    {FIELD(struct img_health, STRLIST, "Test", test)},
    {FIELD(struct img_health, I64, "Interval", interval), .min = 0, .max = INT64_MAX},
    {FIELD(struct img_health, I64, "Timeout", timeout), .min = 0, .max = INT64_MAX},
    {FIELD(struct img_health, I64, "StartPeriod", start_period), .min = 0, .max = INT64_MAX},
    {FIELD(struct img_health, I64, "StartInterval", start_interval), .min = 0, .max = INT64_MAX},
    {FIELD(struct img_health, INT, "Retries", retries), .min = 0, .max = INT32_MAX},
};
static const struct field_table health_table = FIELD_TABLE(struct img_health, health_fields);

/* --- config -------------------------------------------------------------------------------- */

typedef struct img_config cfg;

static const struct field run_fields[] = {
    {FIELD(cfg, STR, "User", user)},
    {FIELD(cfg, KEYS, "ExposedPorts", exposed_ports)},
    {FIELD(cfg, STRLIST, "Env", env)},
    {FIELD(cfg, STRLIST, "Entrypoint", entrypoint)},
    {FIELD(cfg, STRLIST, "Cmd", cmd)},
    {FIELD(cfg, KEYS, "Volumes", volumes)},
    {FIELD(cfg, STR, "WorkingDir", working_dir)},
    {FIELD_N(cfg, KVS, "Labels", labels, n_labels)},
    {FIELD(cfg, STR, "StopSignal", stop_signal)},
    {FIELD_NEST(cfg, "Healthcheck", health, health_table),
     .has = 1 + FIELD_OFF(cfg, health.given, bool)},
    {FIELD(cfg, STRLIST, "OnBuild", onbuild)},
    {FIELD(cfg, STRLIST, "Shell", shell)},
};
static const struct field_table run_table = FIELD_TABLE(cfg, run_fields);

static const struct field history_fields[] = {
    {FIELD(struct img_history, STR, "created", created)},
    {FIELD(struct img_history, STR, "created_by", created_by)},
    {FIELD(struct img_history, STR, "author", author)},
    {FIELD(struct img_history, STR, "comment", comment)},
    {FIELD(struct img_history, BOOL, "empty_layer", empty_layer)},
};
static const struct field_table history_table = FIELD_TABLE(struct img_history, history_fields);

static const struct field rootfs_fields[] = {
    {FIELD_N(cfg, DIGESTS, "diff_ids", diff_ids, n_diff_ids)},
};

static int check_rootfs(struct field_in *in, const void *obj) {
    const cfg *c = obj;
    if (c->n_diff_ids > IMG_MAX_LAYERS)
        return field_fail(in, "diff_ids", "%zu layers are more than the %d allowed", c->n_diff_ids,
                          IMG_MAX_LAYERS);
    return 0;
}
static const struct field_table rootfs_table =
    FIELD_TABLE_CHECKED(cfg, rootfs_fields, check_rootfs);

static const struct field config_fields[] = {
    PLATFORM_FIELDS(cfg, platform.),
    {FIELD(cfg, STR, "created", created)},
    {FIELD(cfg, STR, "author", author)},
    {FIELD_INLINE("config", run_table)},
    {FIELD_INLINE("rootfs", rootfs_table), .flags = FIELD_REQUIRED},
    {FIELD_ITEMS(cfg, LIST, "history", struct img_history, history, n_history, history_table)},
};
static const struct field_table config_table = FIELD_TABLE(cfg, config_fields);

int img_config_decode(const char *text, size_t len, const char *what, struct arena *a,
                      struct img_config *ret, struct err *e) {
    AUTO_JS js *doc = NULL;
    cfg c = {0};
    int r = js_parse(text, len, what, &doc, e);
    if (r == 0)
        r = field_decode(&config_table, doc, what, a, &c, e);
    if (r < 0)
        return r;
    *ret = c;
    return 0;
}
