/* SPDX-License-Identifier: Apache-2.0 */
#include "net/hosts.h"

#include <arpa/inet.h>
#include <string.h>

static const char usual[] = "127.0.0.1\tlocalhost\n"
                            "::1\tlocalhost ip6-localhost ip6-loopback\n"
                            "fe00::\tip6-localnet\n"
                            "ff00::\tip6-mcastprefix\n"
                            "ff02::1\tip6-allnodes\n"
                            "ff02::2\tip6-allrouters\n";

static const char *text_of(uint32_t address, char out[INET_ADDRSTRLEN]) {
    struct in_addr a = {htonl(address)};
    return inet_ntop(AF_INET, &a, out, INET_ADDRSTRLEN);
}

/* "name:ip": the first colon parts them, so that IPv6 needs no brackets (but may have them). */
static int put_added(const char *spec, const struct hosts_options *o, struct str *b,
                     struct err *e) {
    const char *colon = strchr(spec, ':');
    char address[64], gateway[INET_ADDRSTRLEN];
    uint8_t raw[16];

    if (!colon || colon == spec || !colon[1])
        return err_set(e, ERR_USAGE, -EINVAL,
                       "bad format for add-host: \"%s\": want name:address or name:host-gateway",
                       spec);
    const char *value = colon + 1;
    size_t n = strlen(value);
    if (strcmp(value, "host-gateway") == 0) {
        if (o->host_gateway == 0)
            return err_set(e, ERR_USAGE, -EADDRNOTAVAIL,
                           "add-host %s: this network has no address of the host; name one", spec);
        value = text_of(o->host_gateway, gateway);
        n = strlen(value);
    } else if (value[0] == '[' && value[n - 1] == ']') {
        value++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof(address))
        return err_set(e, ERR_USAGE, -EINVAL, "invalid IP address in add-host: \"%s\"", spec);
    memcpy(address, value, n);
    address[n] = '\0';
    if (inet_pton(strchr(address, ':') ? AF_INET6 : AF_INET, address, raw) != 1)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid IP address in add-host: \"%s\"", address);
    size_t name = (size_t)(colon - spec);
    if (strcspn(spec, " \t\n\r#") < name)
        return err_set(e, ERR_USAGE, -EINVAL, "add-host: \"%.*s\" is no host name", (int)name,
                       spec);
    int r = str_addf(b, "%s\t%.*s\n", address, (int)name, spec);
    return r < 0 ? err_oom(e) : 0;
}

static int put_own(const struct hosts_options *o, struct str *b) {
    char address[INET_ADDRSTRLEN];
    const char *dot = strchr(o->hostname, '.');
    int r = str_addf(b, "%s\t%s", text_of(o->address, address), o->hostname);

    if (r == 0 && dot && dot > o->hostname)
        r = str_addf(b, " %.*s", (int)(dot - o->hostname), o->hostname);
    if (r == 0 && o->name && strcmp(o->name, o->hostname) != 0)
        r = str_addf(b, " %s", o->name);
    return r == 0 ? str_addc(b, '\n') : r;
}

int hosts_build(const struct hosts_options *o, struct str *ret, struct err *e) {
    int r = str_add(ret, o->base ? o->base : usual);

    if (r == 0 && o->base && ret->len > 0 && ret->s[ret->len - 1] != '\n')
        r = str_addc(ret, '\n');
    if (r < 0)
        return err_oom(e);
    for (size_t i = 0; i < o->n_add; i++) {
        r = put_added(o->add[i], o, ret, e);
        if (r < 0)
            return r;
    }
    if (o->address != 0 && o->hostname)
        r = put_own(o, ret);
    return r < 0 ? err_oom(e) : 0;
}
