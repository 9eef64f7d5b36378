/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_pipe.h"

int unpack_pipe_init(struct unpack_pipe *p) {
    *p = (struct unpack_pipe){.written = 0};
    int r = -pthread_mutex_init(&p->mutex, NULL);
    if (r < 0)
        return r;
    r = -pthread_cond_init(&p->changed, NULL);
    if (r < 0) {
        pthread_mutex_destroy(&p->mutex);
        return r;
    }
    for (size_t i = 0; i < UNPACK_CHUNKS; i++) {
        p->chunk[i] = malloc(UNPACK_CHUNK);
        if (!p->chunk[i]) {
            unpack_pipe_done(p);
            return -ENOMEM;
        }
    }
    return 0;
}

void unpack_pipe_done(struct unpack_pipe *p) {
    for (size_t i = 0; i < UNPACK_CHUNKS; i++)
        free(p->chunk[i]);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->mutex);
}

void *unpack_pipe_room(struct unpack_pipe *p) {
    pthread_mutex_lock(&p->mutex);
    while (!p->stopped && p->written - p->read == UNPACK_CHUNKS)
        pthread_cond_wait(&p->changed, &p->mutex);
    void *room = p->stopped ? NULL : p->chunk[p->written % UNPACK_CHUNKS];
    pthread_mutex_unlock(&p->mutex);
    return room;
}

void unpack_pipe_put(struct unpack_pipe *p, size_t n) {
    if (n == 0)
        return;
    pthread_mutex_lock(&p->mutex);
    p->len[p->written % UNPACK_CHUNKS] = n;
    p->written++;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->mutex);
}

void unpack_pipe_end(struct unpack_pipe *p, bool broken) {
    pthread_mutex_lock(&p->mutex);
    p->ended = true;
    p->broken |= broken;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->mutex);
}

ssize_t unpack_pipe_get(struct unpack_pipe *p, const void **ret) {
    ssize_t n = 0;
    pthread_mutex_lock(&p->mutex);
    if (p->taken) {
        p->taken = false;
        p->read++;
        pthread_cond_signal(&p->changed);
    }
    while (!p->broken && !p->ended && p->written == p->read)
        pthread_cond_wait(&p->changed, &p->mutex);
    if (p->broken) {
        n = -ECANCELED;
    } else if (p->written != p->read) {
        p->taken = true;
        *ret = p->chunk[p->read % UNPACK_CHUNKS];
        n = (ssize_t)p->len[p->read % UNPACK_CHUNKS];
    }
    pthread_mutex_unlock(&p->mutex);
    return n;
}

void unpack_pipe_stop(struct unpack_pipe *p) {
    pthread_mutex_lock(&p->mutex);
    p->stopped = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->mutex);
}
