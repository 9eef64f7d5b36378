/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Additional stores: images that lie elsewhere, perhaps read-only and shared by many machines.
 *
 * Their descriptions and names are copied here and their layers linked (layers/<hex> is a symbolic
 * link then), so that everything else in the house needs not know of them. Nothing there is ever
 * written. Done when something has changed there since the last time: adopted/<name> says for what
 * times of its images/ and refs/. What is here already goes before; an image removed here stays
 * away until the other store changes.
 *
 * Another user's store is refused: its files would have other owners here, and trusting them is
 * giving away one's own box.
 */
#pragma once

#include "store/store.h"

/* `list`: data directories, separated by ":". */
int adopt_stores(const struct store *s, const char *list, struct err *e);
