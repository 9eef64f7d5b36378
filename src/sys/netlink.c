/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/netlink.h"

#include <string.h>
#include <sys/socket.h>

static void *grow(struct netlink_buf *b, size_t n) {
    size_t padded = NLMSG_ALIGN(n);

    if (b->full || n > b->cap || b->cap - b->len < padded) {
        b->full = true;
        return NULL;
    }
    void *at = b->p + b->len;
    memset(at, 0, padded);
    b->len += padded;
    return at;
}

void netlink_begin(struct netlink_buf *b, uint16_t type, uint16_t flags, const void *head,
                   size_t n) {
    size_t at = b->len;
    struct nlmsghdr *h = grow(b, sizeof(*h));

    if (!h)
        return;
    b->msg = at;
    h->nlmsg_type = type;
    h->nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST);
    h->nlmsg_seq = ++b->seq;
    netlink_put_raw(b, head, n);
}

void netlink_end(struct netlink_buf *b) {
    if (b->full)
        return;
    struct nlmsghdr *h = (struct nlmsghdr *)(void *)(b->p + b->msg);
    h->nlmsg_len = (uint32_t)(b->len - b->msg);
}

void netlink_optional(struct netlink_buf *b) {
    if (b->seq < 32)
        b->optional |= UINT32_C(1) << b->seq;
}

void netlink_put(struct netlink_buf *b, uint16_t type, const void *data, size_t n) {
    if (n > UINT16_MAX - NLA_HDRLEN) {
        b->full = true;
        return;
    }
    struct nlattr *a = grow(b, NLA_HDRLEN + n);
    if (!a)
        return;
    a->nla_type = type;
    a->nla_len = (uint16_t)(NLA_HDRLEN + n);
    if (n > 0)
        memcpy((uint8_t *)a + NLA_HDRLEN, data, n);
}

void netlink_put_u8(struct netlink_buf *b, uint16_t type, uint8_t v) {
    netlink_put(b, type, &v, sizeof(v));
}

void netlink_put_u32(struct netlink_buf *b, uint16_t type, uint32_t v) {
    netlink_put(b, type, &v, sizeof(v));
}

void netlink_put_str(struct netlink_buf *b, uint16_t type, const char *s) {
    netlink_put(b, type, s, strlen(s) + 1);
}

void netlink_put_raw(struct netlink_buf *b, const void *data, size_t n) {
    void *at = grow(b, n);
    if (at && n > 0)
        memcpy(at, data, n);
}

size_t netlink_nest(struct netlink_buf *b, uint16_t type) {
    size_t mark = b->len;
    netlink_put(b, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
    return mark;
}

void netlink_nest_end(struct netlink_buf *b, size_t mark) {
    if (b->full)
        return;
    if (b->len - mark > UINT16_MAX) {
        b->full = true;
        return;
    }
    struct nlattr *a = (struct nlattr *)(void *)(b->p + mark);
    a->nla_len = (uint16_t)(b->len - mark);
}

void netlink_setup(int fd) {
    const int one = 1;

    /* Old kernels lack them; then an error is a bare number. */
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
}

int netlink_open(int protocol) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return -errno;
    netlink_setup(fd);
    return fd;
}

const void *netlink_attr_in(const void *nest, size_t len, uint16_t type, size_t *ret_len) {
    const uint8_t *p = nest;

    while (len >= NLA_HDRLEN) {
        struct nlattr a;
        memcpy(&a, p, sizeof(a));
        if (a.nla_len < NLA_HDRLEN || a.nla_len > len)
            return NULL;
        if ((a.nla_type & NLA_TYPE_MASK) == type) {
            *ret_len = a.nla_len - (size_t)NLA_HDRLEN;
            return p + NLA_HDRLEN;
        }
        size_t step = MIN_OF((size_t)NLA_ALIGN(a.nla_len), len);
        p += step;
        len -= step;
    }
    return NULL;
}

const void *netlink_attr(const struct nlmsghdr *h, size_t head, uint16_t type, size_t *len) {
    size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(head);

    if (h->nlmsg_len < skip)
        return NULL;
    return netlink_attr_in((const uint8_t *)h + skip, h->nlmsg_len - skip, type, len);
}

uint32_t netlink_attr_u32(const struct nlmsghdr *h, size_t head, uint16_t type, uint32_t dflt) {
    size_t len = 0;
    uint32_t v;
    const void *p = netlink_attr(h, head, type, &len);

    if (!p || len < sizeof(v))
        return dflt;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* Which answers end the exchange. */
struct talk {
    uint32_t first, last; /* numbers of the first message and of the one that asks for an answer */
    uint32_t optional;
    bool batch, dump;
    bool done;
    int (*fn)(const struct nlmsghdr *, void *);
    void *data;
    struct netlink_fail *fail;
};

static void scan(const struct netlink_buf *b, struct talk *t) {
    for (size_t at = 0; at + sizeof(struct nlmsghdr) <= b->len;) {
        struct nlmsghdr h;
        memcpy(&h, b->p + at, sizeof(h));
        if (at == 0) {
            t->first = h.nlmsg_seq;
            t->dump = (h.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
        }
        if (h.nlmsg_flags & NLM_F_ACK || t->dump)
            t->last = h.nlmsg_seq;
        at += NLMSG_ALIGN(h.nlmsg_len);
        if (h.nlmsg_len == 0)
            break;
    }
}

static void note_failure(struct talk *t, const struct nlmsghdr *h, int code) {
    struct netlink_fail *f = t->fail;

    if (f->code || (h->nlmsg_seq < 32 && t->optional >> h->nlmsg_seq & 1))
        return;
    *f = (struct netlink_fail){.seq = h->nlmsg_seq, .code = code};
    if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
        return;
    /* With NETLINK_CAP_ACK the failed request is echoed by its header only. */
    size_t head = sizeof(struct nlmsgerr);
    size_t len = 0;
    if (!(h->nlmsg_flags & NLM_F_CAPPED)) {
        const struct nlmsgerr *e = netlink_head(h);
        if (e->msg.nlmsg_len < NLMSG_HDRLEN || e->msg.nlmsg_len > h->nlmsg_len)
            return;
        head += e->msg.nlmsg_len - NLMSG_HDRLEN;
    }
    const char *text = netlink_attr(h, head, NLMSGERR_ATTR_MSG, &len);
    if (!text)
        return;
    len = MIN_OF(strnlen(text, len), sizeof(f->text) - 1);
    memcpy(f->text, text, len);
    f->text[len] = '\0';
}

static void take_message(struct talk *t, const struct nlmsghdr *h) {
    if (h->nlmsg_seq < t->first || h->nlmsg_seq > t->last)
        return; /* left over from an earlier exchange on this socket */
    if (h->nlmsg_type == NLMSG_DONE) {
        t->done = true;
        return;
    }
    if (h->nlmsg_type != NLMSG_ERROR) {
        if (t->fn && t->fn(h, t->data) != 0)
            t->fn = NULL;
        return;
    }
    if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
        return;
    const struct nlmsgerr *e = netlink_head(h);
    if (e->error != 0)
        note_failure(t, h, e->error);
    /* A batch that fails as a whole is answered for its first message only. */
    if (h->nlmsg_seq == t->last || (t->batch && h->nlmsg_seq == t->first && e->error != 0))
        t->done = true;
}

static int send_all(int fd, const struct netlink_buf *b) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t n;

    do {
        n = sendto(fd, b->p, b->len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int netlink_talk(int fd, struct netlink_buf *b, int (*fn)(const struct nlmsghdr *, void *),
                 void *data, struct netlink_fail *fail) {
    struct netlink_fail unused;
    struct talk t = {

        .optional = b->optional,
        .batch = b->batch,
        .fn = fn,
        .data = data,
        .fail = fail ? fail : &unused};
    _Alignas(struct nlmsghdr) uint8_t in[16384];

    *t.fail = (struct netlink_fail){0};
    if (b->full || b->len == 0)
        return t.fail->code = -EMSGSIZE;
    scan(b, &t);
    int r = send_all(fd, b);
    if (r < 0)
        return t.fail->code = r;
    while (!t.done) {
        ssize_t n = recv(fd, in, sizeof(in), MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!t.fail->code)
                t.fail->code = n < 0 && errno != EAGAIN ? -errno : -EPROTO;
            break;
        }
        int left = (int)n;
        for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)in; NLMSG_OK(h, (unsigned)left);
             h = NLMSG_NEXT(h, left))
            take_message(&t, h);
    }
    return t.fail->code;
}
