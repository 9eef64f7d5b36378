/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's log, as Kubernetes' CRI has it, one physical line per piece of output:
 *
 *   2026-11-20T18:17:53.123456789Z stdout F a whole line
 *   2026-11-20T18:17:53.123456789Z stderr P a piece of a line (no newline was written)
 *
 * Pieces are at most 16 KiB, so a box that never writes a newline stays bounded, and every byte
 * is on disk as soon as it was read. Physical lines are whole or absent: they are appended by one
 * writev, and a write that the disk cut short is taken back. At max_bytes the file is renamed to
 * log.1 (log.1 to log.2, …) and a new one begun; the oldest goes. One writer: the monitor.
 */
#pragma once

#include "base/err.h"

#define LOG_PIECE_MAX 16384
#define LOG_FILES_MAX 100

struct log_writer {
    bool on;   /* zero-initialised: keeps nothing */
    int dirfd; /* borrowed */
    int fd;    /* -1: nothing was written yet */
    uint64_t size, max_bytes;
    unsigned max_files;
};

/* max_bytes 0 = 10 MiB, max_files 0 = 3. The file is made by the first write. */
void log_open(struct log_writer *l, int dirfd, uint64_t max_bytes, unsigned max_files);
void log_close(struct log_writer *l);
/* n ≤ LOG_PIECE_MAX bytes read at once from stream 1 (stdout) or 2 (stderr). A full disk loses
 * whole lines, never the box. */
void log_write(struct log_writer *l, int stream, const char *p, size_t n);
