/* SPDX-License-Identifier: Apache-2.0 */
#include "http/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CONNECT_SECONDS 15L
#define STALL_SECONDS 30L /* without a byte */
#define MAX_REDIRECTS 10L
#define RETRY_AFTER_MAX 3600

struct fetch {
    CURL *curl;
    const struct fetch_want *want;
    struct fetch_head head;
    struct str *text;
    struct err *e;
    int failed; /* by our own callbacks */
    uint64_t sent;
    char why[CURL_ERROR_SIZE];
};

int fetch_setup(struct err *e) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, ERR_INTERNAL, -ENOMEM, "cannot initialise libcurl");
    return 0;
}

int fetch_new(struct fetch **ret, struct err *e) {
    struct fetch *f = calloc(1, sizeof(*f));
    if (f)
        f->curl = curl_easy_init();
    if (!f || !f->curl) {
        free(f);
        return err_oom(e);
    }
    *ret = f;
    return 0;
}

void fetch_free(struct fetch *f) {
    if (!f)
        return;
    curl_easy_cleanup(f->curl);
    free(f);
}

/* --- what comes in -------------------------------------------------------------------------- */

/* "Name: value\r\n" → value when the name matches. */
static bool fetch_field(const char *line, size_t n, const char *name, char *out, size_t size) {
    size_t k = strlen(name);
    if (n <= k || line[k] != ':' || strncasecmp(line, name, k) != 0)
        return false;
    const char *p = line + k + 1, *end = line + n;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (end > p && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    k = MIN_OF((size_t)(end - p), size - 1);
    memcpy(out, p, k);
    out[k] = '\0';
    return true;
}

static size_t fetch_on_header(char *line, size_t one, size_t n, void *data) {
    struct fetch *f = data;
    struct fetch_head *h = &f->head;
    char value[sizeof(h->location)];
    (void)one;
    if (n >= 5 && strncmp(line, "HTTP/", 5) == 0) {
        *h = (struct fetch_head){.status = 0}; /* the next answer of a redirect */
    } else if (fetch_field(line, n, "content-type", value, sizeof(h->type))) {
        value[strcspn(value, "; \t")] = '\0';
        (void)str_copy(h->type, sizeof(h->type), value);
    } else if (fetch_field(line, n, "docker-content-digest", value, sizeof(h->digest))) {
        (void)str_copy(h->digest, sizeof(h->digest), value);
    } else if (fetch_field(line, n, "www-authenticate", value, sizeof(value))) {
        size_t at = strlen(h->challenge);
        snprintf(h->challenge + at, sizeof(h->challenge) - at, "%s%.*s", at ? ", " : "",
                 (int)(sizeof(h->challenge) - 1), value);
    } else if (fetch_field(line, n, "location", h->location, sizeof(h->location)) ||
               fetch_field(line, n, "range", h->range, sizeof(h->range)) ||
               fetch_field(line, n, "link", h->link, sizeof(h->link))) {
        return n;
    } else if (fetch_field(line, n, "retry-after", value, 32)) {
        if (str_to_u64(value, &h->retry_after) < 0)
            h->retry_after = 0; /* a date: as good as none */
        h->retry_after = MIN_OF(h->retry_after, (uint64_t)RETRY_AFTER_MAX);
    }
    return n;
}

static void fetch_status(struct fetch *f) {
    long redirects = 0;
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &f->head.status);
    curl_easy_getinfo(f->curl, CURLINFO_REDIRECT_COUNT, &redirects);
    f->head.redirected = redirects > 0;
}

static size_t fetch_on_body(char *p, size_t one, size_t n, void *data) {
    struct fetch *f = data;
    (void)one;
    if (f->head.status == 0)
        fetch_status(f);
    if (f->head.status / 100 == 2 && f->want->body) {
        f->failed = f->want->body(f->want->data, &f->head, p, n, f->e);
        return f->failed < 0 ? 0 : n;
    }
    size_t room = f->text->len < FETCH_TEXT_MAX ? FETCH_TEXT_MAX - f->text->len : 0;
    if (str_addn(f->text, p, MIN_OF(n, room)) == -ENOMEM) {
        f->failed = err_oom(f->e);
        return 0;
    }
    return n;
}

static size_t fetch_on_send(char *p, size_t one, size_t n, void *data) {
    struct fetch *f = data;
    const struct fetch_body *b = f->want->send;
    size_t k = MIN_OF((uint64_t)one * n, b->size - f->sent);
    if (b->p) {
        memcpy(p, (const char *)b->p + f->sent, k);
    } else {
        ssize_t got = k ? pread(b->fd, p, k, (off_t)(b->at + f->sent)) : 0;
        if (got < 0 || (got == 0 && k)) {
            f->failed = err_sysn(f->e, got < 0 ? errno : EIO, "cannot read what is to be sent");
            return CURL_READFUNC_ABORT;
        }
        k = (size_t)got;
    }
    f->sent += k;
    if (b->sent)
        b->sent(b->data, f->sent);
    return k;
}

/* A redirect, or a connection that was closed just then: once more from the start. */
static int fetch_on_seek(void *data, curl_off_t at, int origin) {
    struct fetch *f = data;
    if (origin != SEEK_SET || at < 0 || (uint64_t)at > f->want->send->size)
        return CURL_SEEKFUNC_FAIL;
    f->sent = (uint64_t)at;
    return CURL_SEEKFUNC_OK;
}

static int fetch_on_progress(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct fetch *f = data;
    (void)a, (void)b, (void)c, (void)d;
    if (!f->want->stop || !f->want->stop(f->want->data))
        return 0;
    f->failed = err_set(f->e, ERR_INTERNAL, -ECANCELED, "cancelled");
    return 1;
}

/* --- what goes out -------------------------------------------------------------------------- */

static CURLcode fetch_set_auth(struct fetch *f, const struct fetch_want *w) {
    CURLcode c = CURLE_OK;
    if (w->bearer) {
        c = curl_easy_setopt(f->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        return c ? c : curl_easy_setopt(f->curl, CURLOPT_XOAUTH2_BEARER, w->bearer);
    }
    if (w->user) {
        c = curl_easy_setopt(f->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        if (!c)
            c = curl_easy_setopt(f->curl, CURLOPT_USERNAME, w->user);
        if (!c)
            c = curl_easy_setopt(f->curl, CURLOPT_PASSWORD, w->password ? w->password : "");
    }
    return c;
}

static CURLcode fetch_set_rules(struct fetch *f, const struct fetch_want *w) {
    const char *schemes = w->plain_ok ? "http,https" : "https";
    CURL *c = f->curl;
    CURLcode r = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, schemes);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, schemes);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
    if (!r && w->direct)
        r = curl_easy_setopt(c, CURLOPT_PROXY, "");
    if (!r && w->unverified)
        r = curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
    if (!r && w->unverified)
        r = curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
    return r ? r : curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
}

static CURLcode fetch_set_callbacks(struct fetch *f) {
    CURL *c = f->curl;
    CURLcode r = curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, fetch_on_header);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_HEADERDATA, f);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, fetch_on_body);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, fetch_on_progress);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->why);
    return r ? r : curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 128L << 10);
}

static CURLcode fetch_set_send(struct fetch *f, const struct fetch_want *w) {
    CURL *c = f->curl;
    CURLcode r = CURLE_OK;
    if (w->method && strcmp(w->method, "HEAD") == 0)
        return curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    if (w->send) {
        r = curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        if (!r)
            r = curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)w->send->size);
        if (!r)
            r = curl_easy_setopt(c, CURLOPT_READFUNCTION, fetch_on_send);
        if (!r)
            r = curl_easy_setopt(c, CURLOPT_READDATA, f);
        if (!r)
            r = curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, fetch_on_seek);
        if (!r)
            r = curl_easy_setopt(c, CURLOPT_SEEKDATA, f);
        if (!r)
            r = curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
        /* Over an old connection that breaks, curl would send it all again by itself: the caller
         * asks first how much has arrived. */
        if (!r && w->content_range)
            r = curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
    } else if (w->method && strcmp(w->method, "POST") == 0) {
        r = curl_easy_setopt(c, CURLOPT_POSTFIELDS, "");
    }
    return !r && w->method ? curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, w->method) : r;
}

static CURLcode fetch_set_certs(struct fetch *f, const struct fetch_want *w) {
    CURLcode r = CURLE_OK;
    if (w->ca) {
        struct curl_blob blob = {(void *)(uintptr_t)w->ca, strlen(w->ca), CURL_BLOB_COPY};
        r = curl_easy_setopt(f->curl, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (!r && w->cert)
        r = curl_easy_setopt(f->curl, CURLOPT_SSLCERT, w->cert);
    return !r && w->key ? curl_easy_setopt(f->curl, CURLOPT_SSLKEY, w->key) : r;
}

static CURLcode fetch_set_headers(struct fetch *f, const struct fetch_want *w,
                                  struct curl_slist **headers) {
    char lines[4][1024] = {"", "", "", ""};
    size_t n = 0;
    if (w->accept)
        snprintf(lines[n++], sizeof(*lines), "Accept: %s", w->accept);
    if (w->send) {
        snprintf(lines[n++], sizeof(*lines), "Content-Type: %s",
                 w->send->type ? w->send->type : "application/octet-stream");
        snprintf(lines[n++], sizeof(*lines), "Expect:"); /* costs a second where it is not known */
    }
    if (w->content_range)
        snprintf(lines[n++], sizeof(*lines), "Content-Range: %s", w->content_range);
    for (size_t i = 0; i < n; i++) {
        struct curl_slist *more = curl_slist_append(*headers, lines[i]);
        if (!more)
            return CURLE_OUT_OF_MEMORY;
        *headers = more;
    }
    return *headers ? curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, *headers) : CURLE_OK;
}

static CURLcode fetch_set(struct fetch *f, const struct fetch_want *w,
                          struct curl_slist **headers) {
    char line[64];
    CURL *c = f->curl;
    CURLcode r = curl_easy_setopt(c, CURLOPT_URL, w->url);
    if (!r)
        r = curl_easy_setopt(c, CURLOPT_USERAGENT, "hako/" HAKO_VERSION);
    if (!r && w->form)
        r = curl_easy_setopt(c, CURLOPT_POSTFIELDS, w->form);
    if (!r && w->offset) {
        /* Not RESUME_FROM: a server that sends everything again is welcome, too. */
        snprintf(line, sizeof(line), "%llu-", (unsigned long long)w->offset);
        r = curl_easy_setopt(c, CURLOPT_RANGE, line);
    }
    if (!r)
        r = fetch_set_send(f, w);
    if (!r)
        r = fetch_set_headers(f, w, headers);
    if (!r)
        r = fetch_set_certs(f, w);
    if (!r)
        r = fetch_set_auth(f, w);
    if (!r)
        r = fetch_set_rules(f, w);
    return r ? r : fetch_set_callbacks(f);
}

/* --- what went wrong ------------------------------------------------------------------------ */

/* "https://host:port" of a URL, for messages. */
static void fetch_origin(const char *url, char out[static 300]) {
    const char *p = strstr(url, "://");
    size_t n = p ? (size_t)(p - url) + 3 : 0;
    n += strcspn(url + n, "/?#");
    snprintf(out, 300, "%.*s", (int)MIN_OF(n, (size_t)290), url);
}

static int fetch_fail_connect(struct fetch *f, CURLcode c, const char *origin, struct err *e) {
    long os = 0;
    curl_easy_getinfo(f->curl, CURLINFO_OS_ERRNO, &os);
    if (c == CURLE_COULDNT_RESOLVE_HOST || c == CURLE_COULDNT_RESOLVE_PROXY)
        return err_set(e, ERR_UNAVAILABLE, -EHOSTUNREACH,
                       "cannot find the address of %s%s: check the name and this machine's DNS",
                       c == CURLE_COULDNT_RESOLVE_PROXY ? "the proxy for " : "", origin);
    return err_set(e, ERR_UNAVAILABLE, FETCH_NO_SERVER,
                   "cannot connect to %s: %s: check that it is running and reachable from here",
                   origin, os ? strerror((int)os) : "no answer");
}

static int fetch_fail(struct fetch *f, CURLcode c, struct err *e) {
    char origin[300];
    const char *url = NULL;
    const char *why = f->why[0] ? f->why : curl_easy_strerror(c);
    curl_easy_getinfo(f->curl, CURLINFO_EFFECTIVE_URL, &url);
    fetch_origin(url ? url : f->want->url, origin);
    switch ((int)c) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return fetch_fail_connect(f, c, origin, e);
    case CURLE_SSL_CONNECT_ERROR:
        return err_set(e, ERR_UNAVAILABLE, FETCH_NO_TLS,
                       "%s does not speak TLS: if plain HTTP is meant, mark the registry "
                       "\"insecure\" in the configuration (%s)",
                       origin, why);
    case CURLE_PEER_FAILED_VERIFICATION:
        return err_set(e, ERR_DENIED, -EKEYREJECTED,
                       "the certificate of %s is not trusted: %s: put its authority into "
                       "/etc/hako/certs.d/HOST:PORT/ca.crt, or mark the registry \"insecure\" in "
                       "the configuration",
                       origin, why);
    case CURLE_SSL_CERTPROBLEM:
        return err_set(e, ERR_DENIED, -EKEYREJECTED, "the client certificate for %s is no good: %s",
                       origin, why);
    case CURLE_TOO_MANY_REDIRECTS:
        return err_set(e, ERR_UNAVAILABLE, -ELOOP, "%s redirects without end", origin);
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_set(e, ERR_DENIED, -EPROTONOSUPPORT,
                       "%s leads to an unencrypted or unknown address: refused", origin);
    case CURLE_URL_MALFORMAT:
        return err_set(e, ERR_USAGE, -EINVAL, "%s is no address of a registry", origin);
    case CURLE_OUT_OF_MEMORY:
        return err_oom(e);
    default:
        return err_set(e, ERR_UNAVAILABLE, FETCH_BROKEN, "the connection to %s broke: %s", origin,
                       why);
    }
}

int fetch_run(struct fetch *f, const struct fetch_want *want, struct fetch_head *ret,
              struct str *text, struct err *e) {
    struct curl_slist *headers = NULL;
    f->want = want;
    f->text = text;
    f->e = e;
    f->failed = 0;
    f->sent = 0;
    f->why[0] = '\0';
    f->head = (struct fetch_head){.status = 0};
    str_clear(text);
    curl_easy_reset(f->curl); /* options only: connections stay */
    CURLcode c = fetch_set(f, want, &headers);
    if (c == CURLE_OK)
        c = curl_easy_perform(f->curl);
    int r = 0;
    if (f->failed < 0)
        r = f->failed;
    else if (c == CURLE_OK)
        fetch_status(f);
    else
        r = fetch_fail(f, c, e);
    curl_slist_free_all(headers);
    if (r == 0)
        *ret = f->head;
    return r;
}

int fetch_escape(struct str *out, const char *text) {
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *p = text; *p; p++) {
        int r = strchr(plain, *p) ? str_addc(out, *p) : str_addf(out, "%%%02X", (unsigned char)*p);
        if (r < 0)
            return r;
    }
    return 0;
}
