/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI image-spec 1.1 and Docker schema 2 documents as C structs: manifest, index, config.
 * Pure data; arena-owned. Foreign documents: sizes and counts are bounded by the decoder.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "spec/digest.h"
#include "spec/kv.h"

#define IMG_MAX_LAYERS 512
#define IMG_MAX_INDEX 1024

#define MT_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MT_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MT_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MT_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MT_OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define MT_OCI_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define MT_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MT_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MT_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MT_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define MT_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

struct platform {
    char *os, *arch, *variant, *os_version;
};

struct descriptor {
    char *media_type;
    struct digest digest;
    uint64_t size;
    struct platform platform; /* fields NULL when absent */
    char *ref_name;           /* annotation org.opencontainers.image.ref.name, or NULL */
};

struct manifest {
    bool is_index;
    char *media_type;
    /* manifest */
    struct descriptor config;
    struct descriptor *layers;
    size_t n_layers;
    /* index */
    struct descriptor *manifests;
    size_t n_manifests;
};

struct img_health {
    bool given;
    struct strlist test;
    int64_t interval, timeout, start_period, start_interval; /* ns */
    int retries;
};

struct img_history {
    char *created, *created_by, *comment, *author;
    bool empty_layer;
};

struct img_config {
    struct platform platform;
    char *created, *author;
    char *user, *working_dir, *stop_signal;
    struct strlist env, entrypoint, cmd, shell, volumes, exposed_ports, onbuild;
    struct rt_kv *labels;
    size_t n_labels;
    struct img_health health;
    struct digest *diff_ids;
    size_t n_diff_ids;
    struct img_history *history;
    size_t n_history;
};

/* `what` names the document in errors. */
int manifest_decode(const char *text, size_t len, const char *what, struct arena *a,
                    struct manifest *ret, struct err *e);
int img_config_decode(const char *text, size_t len, const char *what, struct arena *a,
                      struct img_config *ret, struct err *e);

/* "linux/arm64/v8" → platform; NULL text = this host's. ERR_USAGE on bad words. */
int platform_parse(const char *text, struct arena *a, struct platform *ret, struct err *e);
const char *platform_print(const struct platform *p, struct arena *a);
/* Best matching entry of an index for `want`, or NULL: os and arch equal, variant by rank. */
const struct descriptor *manifest_select(const struct manifest *index, const struct platform *want);
