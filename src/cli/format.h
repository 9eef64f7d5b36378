/* SPDX-License-Identifier: Apache-2.0 */
/* --format of whole documents: version, info, inspect. Lists have their own (list.h). */
#pragma once

#include "cli/cli.h"

#include "base/json.h"

/* Append the document and a newline: "json", or a template. 0 or a negative errno. */
int format_render(const char *format, js *doc, struct str *out, struct err *e);
/* Render to stdout; prints the error. The exit code. */
int format_document(const char *format, js *doc);
