/* SPDX-License-Identifier: Apache-2.0 */
#include "base/names.h"

#include "base/io.h"

#include <stdio.h>
#include <string.h>

static const char *const adjectives[] = {
    "able",    "amber",   "ample",   "azure",  "bold",   "brave",  "brief",   "bright",  "brisk",
    "calm",    "candid",  "careful", "cedar",  "cheery", "civil",  "clear",   "clever",  "cosy",
    "crisp",   "curious", "daring",  "deft",   "dusky",  "eager",  "early",   "earnest", "easy",
    "elegant", "fair",    "fleet",   "fond",   "fresh",  "gentle", "glad",    "golden",  "grand",
    "handy",   "happy",   "hardy",   "honest", "humble", "keen",   "kind",    "light",   "lively",
    "loyal",   "lucid",   "lucky",   "mellow", "merry",  "mild",   "modest",  "neat",    "nimble",
    "noble",   "patient", "placid",  "plucky", "polite", "proud",  "quick",   "quiet",   "rapid",
    "ready",   "robust",  "rosy",    "serene", "silver", "simple", "smart",   "snug",    "sober",
    "spry",    "steady",  "stout",   "sunny",  "swift",  "tender", "thrifty", "tidy",    "upbeat",
    "vivid",   "warm",    "wise",    "witty",  "zesty",
};

/* Things that are made to hold something, and what grows or flies around them. */
static const char *const words[] = {
    "acorn",   "alder",   "anchor",  "aspen",  "badger",  "barge",   "barrel", "basket", "beacon",
    "birch",   "bobbin",  "bonsai",  "bottle", "bridge",  "brook",   "bucket", "cabin",  "cask",
    "casket",  "cedar",   "chest",   "clover", "comet",   "coral",   "crane",  "crate",  "cricket",
    "dingle",  "dolphin", "drawer",  "falcon", "fern",    "ferry",   "finch",  "fjord",  "garden",
    "glacier", "hamper",  "harbour", "hazel",  "hedge",   "heron",   "ibis",   "island", "jar",
    "kettle",  "kiln",    "kite",    "lagoon", "lantern", "larch",   "locker", "lotus",  "maple",
    "marten",  "meadow",  "mill",    "moss",   "nest",    "nutmeg",  "oak",    "otter",  "parcel",
    "pebble",  "pine",    "plum",    "pouch",  "quarry",  "quill",   "raft",   "reed",   "river",
    "robin",   "sail",    "satchel", "shell",  "shrine",  "sparrow", "spruce", "teapot", "thistle",
    "trunk",   "tulip",   "urn",     "valley", "vase",    "violet",  "wagon",  "walnut", "willow",
    "wren",    "zephyr",
};

static bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool names_valid(const char *s) {
    if (!s || !is_alnum(s[0]))
        return false;
    size_t n = 1;
    for (; s[n]; n++)
        if (n >= NAMES_MAX || (!is_alnum(s[n]) && !strchr("_.-", s[n])))
            return false;
    return n >= 2;
}

int names_random(char out[static NAMES_MAX + 1]) {
    uint32_t r[2];
    int e = io_random(r, sizeof(r));

    if (e < 0)
        return e;
    snprintf(out, NAMES_MAX + 1, "%s_%s", adjectives[r[0] % ARRAY_SIZE(adjectives)],
             words[r[1] % ARRAY_SIZE(words)]);
    return 0;
}
