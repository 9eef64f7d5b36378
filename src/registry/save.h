/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of the store into an archive or a directory.
 *
 * docker-archive is what docker writes since 25: an OCI layout whose layers are plain tars, with
 * manifest.json and repositories beside it, so that both kinds of reader take it.
 */
#pragma once

#include "registry/registry.h"

int save_images(const struct save_request *rq, struct err *e);
