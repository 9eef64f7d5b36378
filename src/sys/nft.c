/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/nft.h"

#include "base/io.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define NFT_TYPE(msg) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (msg)))
#define WORDS_OF_NFT 400

static void begin(struct netlink_buf *b, uint16_t type, uint16_t flags, uint8_t family,
                  uint16_t res) {
    struct nfgenmsg g = {.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(res)};
    netlink_begin(b, type, flags, &g, sizeof(g));
}

void nft_batch_begin(struct netlink_buf *b) {
    begin(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    netlink_end(b);
    b->batch = true;
}

void nft_batch_end(struct netlink_buf *b) {
    begin(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    netlink_end(b);
}

static void put_value(struct netlink_buf *b, uint16_t type, const void *p, size_t n) {
    size_t nest = netlink_nest(b, type);
    netlink_put(b, NFTA_DATA_VALUE, p, n);
    netlink_nest_end(b, nest);
}

static void put_elem(struct netlink_buf *b, uint16_t msg, uint16_t flags,
                     const struct nft_elem *el) {
    begin(b, NFT_TYPE(msg), flags | NLM_F_ACK, NFPROTO_IPV4, 0);
    netlink_put_str(b, NFTA_SET_ELEM_LIST_TABLE, el->table);
    netlink_put_str(b, NFTA_SET_ELEM_LIST_SET, el->map);
    size_t list = netlink_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
    size_t item = netlink_nest(b, NFTA_LIST_ELEM);
    put_value(b, NFTA_SET_ELEM_KEY, el->key, el->key_len);
    if (el->value)
        put_value(b, NFTA_SET_ELEM_DATA, el->value, el->value_len);
    netlink_nest_end(b, item);
    netlink_nest_end(b, list);
    netlink_end(b);
}

void nft_elem_create(struct netlink_buf *b, const struct nft_elem *el) {
    put_elem(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, el);
}

void nft_elem_remove(struct netlink_buf *b, const struct nft_elem *el) {
    struct nft_elem bare = *el;
    bare.value = NULL;
    put_elem(b, NFT_MSG_DELSETELEM, 0, &bare);
}

struct got {
    void *value;
    size_t len;
    bool found;
};

static int take_elem(const struct nlmsghdr *h, void *data) {
    struct got *g = data;
    size_t n = 0;
    const void *p = netlink_attr(h, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS, &n);

    if (p)
        p = netlink_attr_in(p, n, NFTA_LIST_ELEM, &n);
    if (p)
        p = netlink_attr_in(p, n, NFTA_SET_ELEM_DATA, &n);
    if (p)
        p = netlink_attr_in(p, n, NFTA_DATA_VALUE, &n);
    if (!p || n != g->len)
        return 0;
    memcpy(g->value, p, n);
    g->found = true;
    return 1;
}

int nft_elem_get(int fd, const struct nft_elem *el, void *value) {
    _Alignas(4) uint8_t mem[256];
    struct netlink_buf b = NETLINK_BUF(mem);
    struct got g = {.value = value, .len = el->value_len};
    struct nft_elem bare = *el;

    bare.value = NULL;
    put_elem(&b, NFT_MSG_GETSETELEM, 0, &bare);
    int r = netlink_talk(fd, &b, take_elem, &g, NULL);
    if (r < 0)
        return r;
    return g.found ? 0 : -ENOENT;
}

int nft_has_table(int fd, const char *table) {
    _Alignas(4) uint8_t mem[128];
    struct netlink_buf b = NETLINK_BUF(mem);

    begin(&b, NFT_TYPE(NFT_MSG_GETTABLE), NLM_F_ACK, NFPROTO_IPV4, 0);
    netlink_put_str(&b, NFTA_TABLE_NAME, table);
    netlink_end(&b);
    int r = netlink_talk(fd, &b, NULL, NULL, NULL);
    return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

static int spawn_nft(int in, int err, pid_t *pid) {
    /* An ordinary user's PATH lacks the sbin directories. */
    static const char *const places[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft",
                                         "nft"};
    char *const argv[] = {(char[]){"nft"}, (char[]){"-f"}, (char[]){"-"}, NULL};
    char *const env[] = {(char[]){"LC_ALL=C"}, NULL};
    posix_spawn_file_actions_t fa;

    if (posix_spawn_file_actions_init(&fa) != 0)
        return -ENOMEM;
    int r = posix_spawn_file_actions_adddup2(&fa, in, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&fa, err, 1);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&fa, err, 2);
    if (r == 0) {
        r = ENOENT;
        for (size_t i = 0; i < ARRAY_SIZE(places) && r == ENOENT; i++)
            r = posix_spawnp(pid, places[i], &fa, NULL, argv, env);
    }
    posix_spawn_file_actions_destroy(&fa);
    return -r;
}

/* The first line that nft wrote, without "/dev/stdin:3:1-7: ". */
static int refused(char *words, struct err *e) {
    char *line = words;

    words[strcspn(words, "\n")] = '\0';
    char *error = strstr(words, "Error: ");
    if (error)
        line = error + strlen("Error: ");
    bool denied = strstr(line, "not permitted") != NULL;
    bool old = strstr(line, "not supported") != NULL || strstr(line, "cache init") != NULL;
    return err_set(e, denied ? ERR_DENIED : ERR_UNAVAILABLE, denied ? -EPERM : -EIO,
                   "cannot set the packet filter: nft says \"%.200s\"%s", line,
                   denied ? " (needs CAP_NET_ADMIN; or use --network none or host)"
                   : old  ? " (is nf_tables in this kernel? modprobe nf_tables, or use --network "
                            "none or host)"
                          : "");
}

int nft_run(const char *text, struct err *e) {
    AUTO_FD int in = memfd_create("nft", MFD_CLOEXEC);
    int p[2];
    pid_t pid = -1;
    int status = 0;
    char words[WORDS_OF_NFT + 1];

    if (in < 0)
        return err_sys(e, "memfd_create");
    int r = io_write_all(in, text, strlen(text));
    if (r < 0 || lseek(in, 0, SEEK_SET) < 0)
        return err_sysn(e, r < 0 ? r : -errno, "cannot hand rules to nft");
    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    AUTO_FD int from = p[0];
    AUTO_FD int to = p[1];
    r = spawn_nft(in, to, &pid);
    if (r == -ENOENT)
        return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                       "nft(8) not found, and bridge networks need it: install the package "
                       "\"nftables\", or use --network none or host");
    if (r < 0)
        return err_sysn(e, r, "cannot start nft(8)");
    fd_close(&to);
    ssize_t n = io_read_full(from, words, WORDS_OF_NFT);
    words[MAX_OF(n, 0)] = '\0';
    fd_close(&from); /* more words than we keep: it gets SIGPIPE, not a full pipe */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return refused(words, e);
}
