/* SPDX-License-Identifier: Apache-2.0 */
/* A record in docker's words, for lists and inspect. Results are malloc'ed unless said. */
#pragma once

#include "engine/record.h"

char *describe_command(const struct record *rec);                /* "sh -c 'x'" as ps shows it */
char *describe_ports(const struct record *rec, struct arena *a); /* "0.0.0.0:80->80/tcp, 90/tcp" */
char *describe_mounts(const struct record *rec);                 /* names and sources */
const char *describe_network_name(const struct record *rec);     /* static or borrowed */
