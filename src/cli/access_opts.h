/* SPDX-License-Identifier: Apache-2.0 */
/* The options of every command that talks to a registry. `T` has a member `access` of struct
 * access_args. */
#pragma once

#include "cli/cli.h"

struct access_args {
    const char *authfile, *cert_dir, *creds;
    bool tls_verify, tls_verify_set;
    int64_t retry; /* tries after the first */
    bool retry_set;
    int64_t retry_delay; /* ns */
};

#define ACCESS_OPTS(T)                                                                             \
    OPT(T, 0, access.authfile, "authfile", OPT_STRING, "file",                                     \
        "Credentials (default $REGISTRY_AUTH_FILE, docker's, podman's)"),                          \
        OPT(T, 0, access.cert_dir, "cert-dir", OPT_STRING, "directory",                            \
            "Certificates for the registry"),                                                      \
        OPT(T, 0, access.creds, "creds", OPT_STRING, "user:password",                              \
            "Credentials (seen by everybody on this machine: better hako login)"),                 \
        OPT_SEEN(T, 0, access.tls_verify, access.tls_verify_set, "tls-verify", OPT_BOOL, NULL,     \
                 "Insist on HTTPS and a good certificate")
#define RETRY_OPTS(T)                                                                              \
    OPT_SEEN(T, 0, access.retry, access.retry_set, "retry", OPT_I64, "int",                        \
             "Tries after the first one that fails (default 3)"),                                  \
        OPT(T, 0, access.retry_delay, "retry-delay", OPT_DURATION, "duration",                     \
            "Wait before the second try, then doubled (default 200ms)")

static inline struct hako_registry access_registry(const struct access_args *a) {
    return (struct hako_registry){
        .authfile = a->authfile,
        .creds = a->creds,
        .cert_dir = a->cert_dir,
        .tls_verify = a->tls_verify,
        .tls_verify_set = a->tls_verify_set,
        .tries = !a->retry_set || a->retry < 0 ? 0 : (unsigned)MIN_OF(a->retry, (int64_t)99) + 1,
        .retry_delay = a->retry_delay,
    };
}
