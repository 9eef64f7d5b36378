/* SPDX-License-Identifier: Apache-2.0 */
/* The last step: find the command in the box and become it. */
#include "machine/container/apply.h"

#include "machine/container/home.h"
#include "sys/syscalls.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define NULL_DEV 0x103

/* The kernel wants pointers where the plan has offsets. Anonymous pages, gone with execve. */
char **apply_vector(const struct plan *p, uint32_t ref, size_t *len) {
    uint32_t n;
    const uint32_t *v = plan_list(p, ref, &n);
    *len = (n + 1) * sizeof(char *);
    void *mem = mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        return NULL;
    char **out = mem;
    for (uint32_t i = 0; i < n; i++)
        out[i] = (char *)(uintptr_t)plan_str(p, v[i]);
    out[n] = NULL;
    return out;
}

/* 0, or why this file cannot be run. */
static int exec_usable(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    /* with the rights we have now: CAP_DAC_OVERRIDE may be among them */
    int r = (int)syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);
    if (r < 0 && errno != EACCES)
        r = (int)syscall(SYS_faccessat, AT_FDCWD, path, X_OK);
    return r < 0 ? -EACCES : 0;
}

/* Go's LookPath, whose words docker's users know: the first file in PATH that may be run; what may
 * not is passed over, and said only when nothing else is found. */
static int exec_search(const char *name, const char *path, char *out, size_t size) {
    int seen = -ENOENT;
    for (const char *s = path; s;) {
        size_t n = strcspn(s, ":");
        int w =
            n ? snprintf(out, size, "%.*s/%s", (int)n, s, name) : snprintf(out, size, "./%s", name);
        if (w > 0 && (size_t)w < size) {
            int r = exec_usable(out);
            if (r == 0)
                return 0;
            if (r == -EACCES)
                seen = r;
        }
        s = s[n] ? s + n + 1 : NULL;
    }
    return seen;
}

static int exec_not_found(struct apply *a, const char *name, int code, bool searched) {
    if (searched && code == -ENOENT)
        return err_set(a->e, ERR_CMD_NOT_FOUND, code,
                       "exec: \"%s\": executable file not found in $PATH", name);
    if (code == -ENOENT || code == -ENOTDIR || code == -ELOOP)
        return err_set(a->e, code == -ENOENT ? ERR_CMD_NOT_FOUND : ERR_CMD_NOT_EXEC, code,
                       "exec: \"%s\": stat %s: %s", name, name,
                       code == -ENOENT    ? "no such file or directory"
                       : code == -ENOTDIR ? "not a directory"
                                          : "too many levels of symbolic links");
    return err_set(a->e, ERR_CMD_NOT_EXEC, code, "exec: \"%s\": %s", name,
                   code == -EISDIR ? "is a directory" : "permission denied");
}

/* execve itself said no. */
static int exec_refused(struct apply *a, const char *path, int code, bool brief) {
    switch (code) {
    case -ENOENT:
        return err_set(a->e, ERR_CMD_NOT_FOUND, code, "exec %s: no such file or directory%s", path,
                       brief ? "" : " (its interpreter or loader is not in the image)");
    case -ENOEXEC:
        return err_set(a->e, ERR_CMD_NOT_EXEC, code, "exec %s: exec format error%s", path,
                       brief ? "" : " (a program of another architecture, or a script without #!)");
    case -EAGAIN:
        return err_set(a->e, ERR_CMD_NOT_EXEC, code,
                       "exec %s: the limit on processes of this user is reached", path);
    default:
        return err_set(a->e, ERR_CMD_NOT_EXEC, code, "exec %s: %s", path, strerror(-code));
    }
}

/* The host's /dev/null as input or output would let root of the box change its mode and owner
 * (fchmod): the box's own takes its place. What else stands there is not waited for. */
static void exec_own_null(void) {
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat st, own;
    for (int i = 0; i < 3; i++) {
        if (fstat(i, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != NULL_DEV)
            continue;
        AUTO_FD int fd = open("/dev/null", flags);
        if (fd >= 0 && fstat(fd, &own) == 0 && S_ISCHR(own.st_mode) && own.st_rdev == NULL_DEV &&
            fcntl(fd, F_SETFL, O_RDWR) == 0)
            (void)!dup2(fd, i);
    }
}

/* Where the command is; `buf` holds the path when it had to be searched for. */
static int exec_find(struct apply *a, const struct plan_step *s, char *buf, size_t size,
                     const char **ret) {
    uint32_t n;
    const uint32_t *list = plan_list(a->plan, s->ref[0], &n);
    if (n == 0)
        return err_set(a->e, ERR_USAGE, -EINVAL, "no command given, and the image has none");
    const char *name = plan_str(a->plan, list[0]), *search = apply_str(a, s, 2);
    bool searched = !strchr(name, '/');
    int r = -ENOENT;
    if (!searched)
        r = exec_usable(name);
    else if (name[0])
        r = exec_search(name, search ? search : "", buf, size);
    if (r < 0)
        return exec_not_found(a, name, r, searched);
    *ret = searched ? buf : name;
    return 0;
}

/* HOME comes first: it counts even if an empty one follows. */
char **apply_with_home(char **envp, size_t *len) {
    enum { HOME_SIZE = 4096 };
    size_t list = *len + sizeof(char *);
    char *mem =
        mmap(NULL, list + HOME_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        return NULL;
    char **out = (char **)(void *)mem, *home = mem + list;
    memcpy(home, "HOME=", sizeof("HOME="));
    home_find(getuid(), home + 5, HOME_SIZE - 5);
    out[0] = home;
    memcpy(out + 1, envp, *len);
    *len = list + HOME_SIZE;
    return out;
}

int apply_exec_check(struct apply *a) {
    char found[4096];
    const char *path;
    uint32_t n;
    const struct plan_step *s = plan_steps(a->plan, PLAN_INIT, &n);
    return s[n - 1].op == PLAN_EXEC ? exec_find(a, &s[n - 1], found, sizeof(found), &path) : 0;
}

int apply_exec(struct apply *a, const struct plan_step *s) {
    char found[4096];
    const char *path;
    size_t len;
    int r = a->plan->h->flags & PLAN_F_OUTLIVE ? apply_part_from_starter(a) : 0;
    if (r < 0)
        return r;
    a->hook_out[0] = a->hook_out[1] = -1;
    apply_close_rest(a);
    exec_own_null();
    if ((r = exec_find(a, s, found, sizeof(found), &path)) < 0)
        return r;
    char **argv = apply_vector(a->plan, s->ref[0], &len);
    char **envp = apply_vector(a->plan, s->ref[1], &len), **all = envp;
    if (envp && s->flags & PLAN_FIND_HOME)
        all = apply_with_home(envp, &len);
    if (!argv || !all)
        return err_oom(a->e);
    execve(path, argv, all);
    return exec_refused(a, path, -errno, s->flags & PLAN_BRIEF);
}
