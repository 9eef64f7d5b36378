/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/record.h"

#include "base/io.h"
#include "base/str.h"
#include "spec/field.h"

#define RECORD_MAX_BYTES ((size_t)4 << 20)

static const struct field mount_fields[] = {
    {FIELD(struct record_mount, STR, "type", type)},
    {FIELD(struct record_mount, STR, "name", name)},
    {FIELD(struct record_mount, STR, "source", source)},
    {FIELD(struct record_mount, STR, "destination", destination)},
    {FIELD(struct record_mount, STR, "propagation", propagation)},
    {FIELD(struct record_mount, BOOL, "readonly", readonly)},
    {FIELD(struct record_mount, BOOL, "anonymous", anonymous)},
};
static const struct field_table mount_table = FIELD_TABLE(struct record_mount, mount_fields);

static const struct field port_fields[] = {
    {FIELD(struct record_port, STR, "proto", proto)},
    {FIELD(struct record_port, STR, "hostIp", host_ip)},
    {FIELD(struct record_port, U16, "hostPort", host_port)},
    {FIELD(struct record_port, U16, "containerPort", container_port)},
};
static const struct field_table port_table = FIELD_TABLE(struct record_port, port_fields);

static const struct field record_fields[] = {
    {FIELD(struct record, STR, "id", id), .flags = FIELD_REQUIRED},
    {FIELD(struct record, STR, "name", name), .flags = FIELD_REQUIRED},
    {FIELD(struct record, STR, "image", image)},
    {FIELD(struct record, STR, "imageId", image_id)},
    {FIELD(struct record, STR, "imageDigest", image_digest)},
    {FIELD(struct record, STR, "isolation", isolation)},
    {FIELD(struct record, I64, "created", created_ns)},
    {FIELD(struct record, STRLIST, "args", args)},
    {FIELD(struct record, STRLIST, "entrypoint", entrypoint)},
    {FIELD(struct record, STRLIST, "cmd", cmd)},
    {FIELD(struct record, STRLIST, "env", env)},
    {FIELD_N(struct record, KVS, "labels", labels, n_labels)},
    {FIELD(struct record, STR, "workdir", workdir)},
    {FIELD(struct record, STR, "user", user)},
    {FIELD(struct record, STR, "hostname", hostname)},
    {FIELD(struct record, STR, "domainname", domainname)},
    {FIELD(struct record, STR, "stopSignal", stop_signal)},
    {FIELD(struct record, STR, "platform", platform)},
    {FIELD(struct record, I64, "stopTimeout", stop_timeout), .dflt = -1},
    {FIELD(struct record, BOOL, "tty", tty)},
    {FIELD(struct record, BOOL, "openStdin", open_stdin)},
    {FIELD(struct record, BOOL, "autoRemove", auto_remove)},
    {FIELD(struct record, BOOL, "init", init)},
    {FIELD(struct record, BOOL, "readOnly", read_only)},
    {FIELD(struct record, BOOL, "privileged", privileged)},
    {FIELD(struct record, BOOL, "publishAll", publish_all)},
    {FIELD_ITEMS(struct record, LIST, "mounts", struct record_mount, mounts, n_mounts,
                 mount_table)},
    {FIELD(struct record, STRLIST, "binds", binds)},
    {FIELD_ITEMS(struct record, LIST, "ports", struct record_port, ports, n_ports, port_table)},
    {FIELD(struct record, STRLIST, "exposed", exposed)},
    {FIELD(struct record, STR, "network", network)},
    {FIELD(struct record, STR, "ip", ip)},
    {FIELD(struct record, STR, "gateway", gateway)},
    {FIELD(struct record, STR, "mac", mac)},
    {FIELD(struct record, STR, "ifname", ifname)},
    {FIELD(struct record, INT, "prefix", prefix)},
    {FIELD(struct record, STR, "lease", lease)},
    {FIELD(struct record, STR, "cgroup", cgroup)},
    {FIELD(struct record, U64, "memory", memory)},
    {FIELD(struct record, U64, "memoryReservation", memory_reservation)},
    {FIELD(struct record, U64, "shmSize", shm_size)},
    {FIELD(struct record, I64, "memorySwap", memory_swap)},
    {FIELD(struct record, I64, "nanoCpus", nano_cpus)},
    {FIELD(struct record, I64, "cpuShares", cpu_shares)},
    {FIELD(struct record, I64, "cpuPeriod", cpu_period)},
    {FIELD(struct record, I64, "cpuQuota", cpu_quota)},
    {FIELD(struct record, I64, "pidsLimit", pids_limit)},
    {FIELD(struct record, STR, "cpusetCpus", cpuset_cpus)},
    {FIELD(struct record, STR, "cpusetMems", cpuset_mems)},
    {FIELD(struct record, I64, "oomScoreAdj", oom_score_adj)},
    {FIELD(struct record, STRLIST, "capAdd", cap_add)},
    {FIELD(struct record, STRLIST, "capDrop", cap_drop)},
    {FIELD(struct record, STRLIST, "securityOpt", security_opt)},
    {FIELD(struct record, STRLIST, "devices", devices)},
    {FIELD(struct record, STRLIST, "groupAdd", group_add)},
    {FIELD(struct record, STRLIST, "ulimits", ulimits)},
    {FIELD(struct record, STRLIST, "sysctls", sysctls)},
    {FIELD(struct record, STRLIST, "tmpfs", tmpfs)},
    {FIELD(struct record, STRLIST, "dns", dns)},
    {FIELD(struct record, STRLIST, "dnsSearch", dns_search)},
    {FIELD(struct record, STRLIST, "dnsOptions", dns_options)},
    {FIELD(struct record, STRLIST, "extraHosts", extra_hosts)},
    {FIELD(struct record, STR, "pidMode", pid_mode)},
    {FIELD(struct record, STR, "ipcMode", ipc_mode)},
    {FIELD(struct record, STR, "utsMode", uts_mode)},
    {FIELD(struct record, STR, "cgroupnsMode", cgroupns_mode)},
    {FIELD(struct record, STR, "logDriver", log_driver)},
};
static const struct field_table record_table = FIELD_TABLE(struct record, record_fields);

int record_write(int dirfd, const struct record *r, struct err *e) {
    AUTO_JS js *doc = NULL;
    int rc = field_encode(&record_table, r, &doc, e);
    if (rc < 0)
        return rc;
    AUTO_STR struct str text = STR_INIT(RECORD_MAX_BYTES);
    rc = js_print(doc, JS_COMPACT, &text);
    if (rc == 0)
        rc = str_addc(&text, '\n');
    if (rc == 0)
        rc = io_replace_file(dirfd, RECORD_FILE, str_c(&text), text.len, 0600, false);
    return rc < 0 ? err_sysn(e, rc, "cannot write " RECORD_FILE) : 0;
}

int record_read(int dirfd, struct arena *a, struct record *ret, struct err *e) {
    AUTO_STR struct str text = STR_INIT(RECORD_MAX_BYTES);
    int rc = io_read_file(dirfd, RECORD_FILE, &text);
    if (rc < 0)
        return err_sysn(e, rc, RECORD_FILE);
    AUTO_JS js *doc = NULL;
    rc = js_parse(str_c(&text), text.len, RECORD_FILE, &doc, e);
    if (rc < 0)
        return rc;
    struct record r = {0};
    rc = field_decode(&record_table, doc, RECORD_FILE, a, &r, e);
    if (rc == 0)
        *ret = r;
    return rc;
}
