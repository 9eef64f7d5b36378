/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole reads and writes, and files that appear complete or not at all.
 * All paths are relative to a directory descriptor; all descriptors are close-on-exec.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* Write all n bytes, retrying EINTR and short writes. 0 or -errno. */
int io_write_all(int fd, const void *p, size_t n);
/* Read until n bytes or EOF. Returns bytes read or -errno. */
ssize_t io_read_full(int fd, void *p, size_t n);
/* Read a descriptor to its end into b (bounded by b->max). 0 or -errno (-EOVERFLOW). */
int io_read_fd(int fd, struct str *b);
/* Read a whole file. `b` is cleared first. 0 or -errno; nothing is reported. */
int io_read_file(int dirfd, const char *path, struct str *b);
/* Read a file that is a single unsigned number or word line (sysfs, cgroupfs); strips newline. */
int io_read_line(int dirfd, const char *path, char *buf, size_t size);
/* One write(2) to an existing kernel file (sysctl, cgroupfs, uid_map). 0 or -errno. */
int io_write_kernel(int dirfd, const char *path, const char *value);
/* Create or replace `path` atomically: temporary name in the same directory, then rename.
 * `durable` adds fsync of file and directory. 0 or -errno; the old file survives a failure. */
int io_replace_file(int dirfd, const char *path, const void *p, size_t n, mode_t mode,
                    bool durable);
/* What killed writers of io_replace_file left in this directory. Only where none is alive. */
void io_sweep_temporary(int dirfd);
/* Send/receive up to 8 descriptors with a message on a SOCK_SEQPACKET socket.
 * Received descriptors are close-on-exec; surplus ones are closed. Bytes or -errno; 0 = EOF. */
#define IO_MAX_FDS 8
int io_send_fds(int sock, const void *p, size_t n, const int *fds, size_t nfds);
ssize_t io_recv_fds(int sock, void *p, size_t n, int fds[IO_MAX_FDS], size_t *nfds);
/* A file of this content in memory, sealed against change. fd or -errno. */
int io_sealed_copy(int fd, const char *name);
/* n random bytes (getrandom). 0 or -errno. */
int io_random(void *p, size_t n);
