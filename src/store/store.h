/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: images, layers, volumes. Content-addressed files, rename = commit, flock = presence.
 *
 * Theory of operation
 *   <root>/store/
 *     lock                         shared by readers that must not lose content to gc, exclusive
 * for commit and removal: held for milliseconds pull.lock                    shared while a pull
 * runs: its layers have no image yet, so gc leaves layers alone until nobody holds it
 *     layers/<diffid hex>/fs       one unpacked layer, whiteouts as overlayfs wants them; immutable
 *     layers/<diffid hex>/size     bytes of its files, text
 *     layers/<diffid hex>/record   what the tar held beside them (record.h): pack.h gives it back
 *     layers/<diffid hex>/lost/    files that a later entry of the same tar replaced
 *     layers/<diffid hex>/blobs    compressed forms that registries have, text; replaced as needed
 *     images/<image id hex>/       config, manifest (bytes as received), meta.json
 *     refs/<escaped reference>     text: image id + newline; rename-replaced. "/" is written "+",
 *                                  which no reference contains; "name@digest" is kept there too
 *     catalog                      copy of what image_list tells (catalog.h)
 *     adopted-<path>               state of an additional store when its images were taken over;
 *                                  layers/<hex> that are its are symbolic links (adopt.h)
 *     tmp/<key>.lock, tmp/<key>.d  everything unfinished; a held flock marks the living (staging.h)
 *   <root>/volumes/<name>/data     named volumes
 *
 *   A layer is immutable and visible by its name alone, so pulling an image twice, or after a
 * crash, finds the layers that were finished. Only image_commit makes an image; only gc removes
 * layers.
 *
 *   Nothing here mounts: snapshots are returned as recipes (machine/plan.h root_recipe is filled
 *   by the engine from struct snapshot). The core part (this header, snapshot.h, volume.h) links
 *   no library; unpack.h (libarchive, ISA-L, zstd, OpenSSL) lives in the registry module.
 *   Rootless: layers are unpacked inside the user's namespace so that owners are subordinate ids.
 *   After a crash: tmp entries whose lock is free are removed by store_open's sweep.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "spec/image.h"
#include "spec/ref.h"

struct store {
    int rootfd; /* <root>/store */
    int layersfd, imagesfd, refsfd, tmpfd;
    char *root;     /* absolute path of <root>/store, arena-owned: overlay options need paths */
    bool userxattr; /* this store belongs to an unprivileged user */
};

/* Make the directories on first use; sweep dead tmp entries. `rootfd` is the data directory. */
int store_open(int rootfd, const char *root_path, bool userxattr, struct arena *a,
               struct store *ret, struct err *e);
void store_close(struct store *s);
/* Hold off commits and removals (shared) or everybody (exclusive) until the fd is closed. Whoever
 * makes a container holds it shared from image_find until the container exists. */
int store_lock(const struct store *s, bool exclusive, int *ret_fd, struct err *e);
/* Hold off gc of layers while a pull runs, until the fd is closed. */
int store_pulling(const struct store *s, int *ret_fd, struct err *e);
/* The other side of it, without waiting: -EWOULDBLOCK (no error filled) while a pull runs. */
int store_no_pulls(const struct store *s, int *ret_fd, struct err *e);
/* layers/empty/fs: the root of images without layers, made once and kept. */
#define STORE_EMPTY_LAYER "empty"

struct image {
    struct digest id;       /* digest of the config */
    struct digest manifest; /* digest of the manifest as pulled; "" for built ones */
    struct img_config config;
    uint64_t size; /* sum of unpacked layers in bytes, as docker images shows */
    int64_t pulled_ns;
    struct strlist refs;    /* full references that point here ("docker.io/library/debian:12") */
    struct strlist digests; /* "docker.io/library/debian@sha256:…" */
};

/* By reference, id, or unique id prefix. ERR_NOT_FOUND "No such image: x"; ambiguous: ERR_CONFLICT.
 * want = NULL: any platform. `refs` are only filled by image_list and image_describe. */
int image_find(const struct store *s, const char *name, struct arena *a, struct image *ret,
               struct err *e);
int image_describe(const struct store *s, struct arena *a, struct image *img, struct err *e);
/* Newest first. Of the configuration: created, author, platform, labels, diff ids; perhaps no more.
 */
int image_list(const struct store *s, struct arena *a, struct image **ret, size_t *n,
               struct err *e);
/* Make an image visible: all layers must be present. Replaces the reference's old target. */
struct image_commit {
    const struct ref *ref; /* NULL: untagged */
    const void *manifest, *config;
    size_t manifest_len, config_len;
    struct digest manifest_digest, config_digest;
    struct digest repo_digest; /* what the reference named: the index's or the manifest's own */
    uint64_t size;
};
int image_commit(const struct store *s, const struct image_commit *c, struct err *e);
int image_tag(const struct store *s, const struct image *img, const struct ref *ref, struct err *e);
/* rmi: drop one reference, and with the last one the image and the layers nobody else needs.
 * Appends "Untagged: …"/"Deleted: …" lines to `report`. `in_use` names a container that uses the
 * image or returns NULL; then ERR_CONFLICT unless force. */
int image_remove(const struct store *s, const char *name, bool force,
                 const char *(*in_use)(const char *image_id, void *data), void *data,
                 struct arena *a, struct strlist *report, struct err *e);

/* Layers, for the unpacker. */
bool layer_present(const struct store *s, const struct digest *diff_id);
/* Bytes as layer_commit was told. 0 or -errno. */
int layer_size(const struct store *s, const struct digest *diff_id, uint64_t *ret);
struct layer_writer {
    int dirfd;     /* O_PATH-less directory fd of the unfinished layer's root; owned */
    int homefd;    /* of the directory it lies in: the record goes there; owned */
    char tmp[152]; /* key in tmp/ */
    int lockfd;
    bool no_sync; /* commit without waiting for the disk: a throwaway store */
};
/* 0: unpack into ret->dirfd. 1: the layer is there already, perhaps because another process
 * finished it while we waited for it. Blocks while another process unpacks the same layer.
 * diff_id = NULL: one that is known only at the end. */
int layer_begin(const struct store *s, const struct digest *diff_id, struct layer_writer *ret,
                struct err *e);
/* Onto the disk, then rename into place; a layer that another process committed meanwhile wins. */
int layer_commit(const struct store *s, const struct digest *diff_id, struct layer_writer *w,
                 uint64_t size, struct err *e);
void layer_abort(const struct store *s, struct layer_writer *w);

/* Blobs that hold the layer, as registries know them: what a push may find there already. Kept
 * beside the layer (text; lost with it), newest first, a few. */
struct layer_blob {
    struct digest digest; /* of the compressed bytes */
    uint64_t size;
    const char *media_type; /* "" = unknown */
    const char *repo;       /* where it was seen: "docker.io/library/debian"; "" = nowhere */
};
int layer_blobs(const struct store *s, const struct digest *diff_id, struct arena *a,
                struct layer_blob **ret, size_t *n, struct err *e);
int layer_blob_add(const struct store *s, const struct digest *diff_id, const struct layer_blob *b,
                   struct err *e);

/* Remove layers that no image needs; one "Deleted: …" line each. Does nothing while a pull runs.
 * The caller holds the store's lock exclusively. */
int gc_layers(const struct store *s, struct arena *a, struct strlist *report, struct err *e);
