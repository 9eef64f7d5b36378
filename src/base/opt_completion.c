/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion scripts. All three shells do the same: walk the words so far, collect the command
 * (one or two words), then offer commands, or the command's options behind a "-", or files.
 */
#include "base/opt.h"

#include <string.h>

/* --- parts that all shells share ------------------------------------------------------------- */

/* Inside '…' of this shell. */
static int quoted(const char *s, bool fish, struct str *out) {
    int r = 0;
    for (; *s && r == 0; s++) {
        if (*s == '\'')
            r = str_add(out, fish ? "\\'" : "'\\''");
        else if (*s == '\\' && fish)
            r = str_add(out, "\\\\");
        else
            r = str_addc(out, *s == '\n' ? ' ' : *s);
    }
    return r;
}

/* The first word of "network create", when there are two. Its length, or 0. */
static size_t group_len(const struct opt_table *t) {
    const char *space = strchr(t->command, ' ');
    return space ? (size_t)(space - t->command) : 0;
}

static bool in_group(const struct opt_table *t, const struct opt_table *as) {
    size_t n = group_len(as);
    return group_len(t) == n && strncmp(t->command, as->command, n) == 0;
}

/* True when t is the first table of its group. */
static bool opens_group(const struct opt_table *const t[], size_t i) {
    if (group_len(t[i]) == 0)
        return false;
    for (size_t k = 0; k < i; k++)
        if (in_group(t[k], t[i]))
            return false;
    return true;
}

typedef int (*emit_fn)(const char *word, size_t len, const char *help, struct str *out);

/* Every command of one level: top level (group NULL) or the second words of a group. */
static int each_command(const struct opt_table *const t[], size_t n, const struct opt_table *group,
                        emit_fn emit, struct str *out) {
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        size_t g = group_len(t[i]);
        const char *help = t[i]->summary ? t[i]->summary : "";
        if (!group && g == 0)
            r = emit(t[i]->command, strlen(t[i]->command), help, out);
        else if (!group && opens_group(t, i))
            r = emit(t[i]->command, g, "Group of commands", out);
        else if (group && g > 0 && in_group(t[i], group))
            r = emit(t[i]->command + g + 1, strlen(t[i]->command + g + 1), help, out);
    }
    return r;
}

/* The patterns "<command so far> <word>" that make a longer command, as shell patterns. */
static int each_step(const struct opt_table *const t[], size_t n, const char *between,
                     struct str *out) {
    const char *sep = "";
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        size_t g = group_len(t[i]);
        if (opens_group(t, i)) {
            r = str_addf(out, "%s' %.*s'", sep, (int)g, t[i]->command);
            sep = between;
        }
        if (r == 0)
            r = str_addf(out, "%s'%s%s'", sep, g ? "" : " ", t[i]->command);
        sep = between;
    }
    return r;
}

/* --- bash ------------------------------------------------------------------------------------ */

static int bash_word(const char *word, size_t len, const char *help, struct str *out) {
    (void)help;
    return str_addf(out, "%.*s ", (int)len, word);
}

static int bash_options(const struct opt_table *t, struct str *out) {
    size_t n;
    AUTO_FREE const struct opt **v = opt_visible(t, &n);
    int r = v ? str_addf(out, "    '%s') options='--help", t->command) : -ENOMEM;

    for (size_t i = 0; i < n && r == 0; i++) {
        r = str_addf(out, " --%s", v[i]->name);
        if (r == 0 && v[i]->short_name)
            r = str_addf(out, " -%c", v[i]->short_name);
    }
    return r < 0 ? r : str_add(out, "' ;;\n");
}

static int bash(const struct opt_table *const t[], size_t n, struct str *out) {
    int r = str_add(out, "# bash completion for " OPT_PROGRAM ", made from its option tables\n"
                         "_" OPT_PROGRAM "() {\n"
                         "    local cur=${COMP_WORDS[COMP_CWORD]} cmd='' commands='' options='' i\n"
                         "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                         "        case \"$cmd ${COMP_WORDS[i]}\" in\n"
                         "        ");
    if (r == 0)
        r = each_step(t, n, "|", out);
    if (r == 0)
        r = str_add(out, ") cmd=\"${cmd:+$cmd }${COMP_WORDS[i]}\" ;;\n"
                         "        ' -'*) ;;\n"
                         "        *) break ;;\n"
                         "        esac\n"
                         "    done\n"
                         "    case \"$cmd\" in\n"
                         "    '') commands='");
    if (r == 0)
        r = each_command(t, n, NULL, bash_word, out);
    if (r == 0)
        r = str_add(out, "' ;;\n");
    for (size_t i = 0; i < n && r == 0; i++) {
        if (opens_group(t, i)) {
            r = str_addf(out, "    '%.*s') commands='", (int)group_len(t[i]), t[i]->command);
            if (r == 0)
                r = each_command(t, n, t[i], bash_word, out);
            if (r == 0)
                r = str_add(out, "' ;;\n");
        }
        if (r == 0)
            r = bash_options(t[i], out);
    }
    if (r < 0)
        return r;
    return str_add(out, "    esac\n"
                        "    COMPREPLY=()\n"
                        "    if [[ -n $commands || $cur == -* ]]; then\n"
                        "        mapfile -t COMPREPLY < <(compgen -W \"$commands $options\" -- "
                        "\"$cur\")\n"
                        "    fi\n"
                        "}\n"
                        "complete -o default -F _" OPT_PROGRAM " " OPT_PROGRAM "\n");
}

/* --- zsh ------------------------------------------------------------------------------------- */

static int zsh_word(const char *word, size_t len, const char *help, struct str *out) {
    int r = str_addf(out, "        '%.*s:", (int)len, word);
    if (r == 0)
        r = quoted(help, false, out);
    return r < 0 ? r : str_add(out, "'\n");
}

static int zsh_options(const struct opt_table *t, struct str *out) {
    size_t n;
    AUTO_FREE const struct opt **v = opt_visible(t, &n);
    int r = v ? str_addf(out, "    '%s') options=(\n", t->command) : -ENOMEM;

    if (r == 0)
        r = zsh_word("--help", 6, "Print usage", out);
    for (size_t i = 0; i < n && r == 0; i++) {
        char word[80] = "--";
        str_copy(word + 2, sizeof(word) - 2, v[i]->name);
        r = zsh_word(word, strlen(word), v[i]->help, out);
        if (r == 0 && v[i]->short_name) {
            const char shorthand[] = {'-', v[i]->short_name, '\0'};
            r = zsh_word(shorthand, 2, v[i]->help, out);
        }
    }
    return r < 0 ? r : str_add(out, "        ) ;;\n");
}

static int zsh_commands(const struct opt_table *const t[], size_t n, const struct opt_table *group,
                        struct str *out) {
    int r = str_addf(out, "    '%.*s') commands=(\n", group ? (int)group_len(group) : 0,
                     group ? group->command : "");
    if (r == 0)
        r = each_command(t, n, group, zsh_word, out);
    return r < 0 ? r : str_add(out, "        ) ;;\n");
}

static int zsh(const struct opt_table *const t[], size_t n, struct str *out) {
    int r = str_add(out, "#compdef " OPT_PROGRAM "\n"
                         "# zsh completion for " OPT_PROGRAM ", made from its option tables\n"
                         "_" OPT_PROGRAM "() {\n"
                         "    local cmd='' i\n"
                         "    local -a commands options\n"
                         "    for ((i = 2; i < CURRENT; i++)); do\n"
                         "        case \"$cmd ${words[i]}\" in\n"
                         "        ");
    if (r == 0)
        r = each_step(t, n, "|", out);
    if (r == 0)
        r = str_add(out, ") cmd=\"${cmd:+$cmd }${words[i]}\" ;;\n"
                         "        ' -'*) ;;\n"
                         "        *) break ;;\n"
                         "        esac\n"
                         "    done\n"
                         "    case \"$cmd\" in\n");
    if (r == 0)
        r = zsh_commands(t, n, NULL, out);
    for (size_t i = 0; i < n && r == 0; i++) {
        if (opens_group(t, i))
            r = zsh_commands(t, n, t[i], out);
        if (r == 0)
            r = zsh_options(t[i], out);
    }
    if (r < 0)
        return r;
    return str_add(out, "    esac\n"
                        "    if (( $#commands )); then\n"
                        "        _describe 'command' commands\n"
                        "    elif [[ $PREFIX == -* ]]; then\n"
                        "        _describe -o 'option' options\n"
                        "    else\n"
                        "        _files\n"
                        "    fi\n"
                        "}\n"
                        "compdef _" OPT_PROGRAM " " OPT_PROGRAM "\n"
                        "# found through fpath, this file is the first call itself\n"
                        "if [ \"$funcstack[1]\" = _" OPT_PROGRAM " ]; then\n"
                        "    _" OPT_PROGRAM "\n"
                        "fi\n");
}

/* --- fish ------------------------------------------------------------------------------------ */

static int fish_when(const char *cmd, size_t len, const char *flags, struct str *out) {
    return str_addf(
        out, "complete -c " OPT_PROGRAM " -n 'test \"$(__" OPT_PROGRAM "_command)\" = \"%.*s\"' %s",
        (int)len, cmd, flags);
}

static int fish_word(const char *word, size_t len, const char *help, struct str *out) {
    int r = str_addf(out, "-a '%.*s' -d '", (int)len, word);
    if (r == 0)
        r = quoted(help, true, out);
    return r < 0 ? r : str_add(out, "'\n");
}

/* fish wants each candidate as a line of its own. */
static int fish_commands(const struct opt_table *const t[], size_t n, struct str *out) {
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        size_t g = group_len(t[i]);
        if (g == 0 || opens_group(t, i)) {
            r = fish_when("", 0, "-f ", out);
            if (r == 0 && g == 0)
                r = fish_word(t[i]->command, strlen(t[i]->command),
                              t[i]->summary ? t[i]->summary : "", out);
            else if (r == 0)
                r = fish_word(t[i]->command, g, "Group of commands", out);
        }
        if (r == 0 && g > 0) {
            r = fish_when(t[i]->command, g, "-f ", out);
            if (r == 0)
                r = fish_word(t[i]->command + g + 1, strlen(t[i]->command + g + 1),
                              t[i]->summary ? t[i]->summary : "", out);
        }
    }
    return r;
}

static int fish_options(const struct opt_table *t, struct str *out) {
    size_t n;
    AUTO_FREE const struct opt **v = opt_visible(t, &n);
    int r = v ? 0 : -ENOMEM;

    for (size_t i = 0; i < n && r == 0; i++) {
        r = fish_when(t->command, strlen(t->command), "", out);
        if (r == 0 && v[i]->short_name)
            r = str_addf(out, "-s %c ", v[i]->short_name);
        if (r == 0)
            r = str_addf(out, "-l %s %s-d '", v[i]->name, v[i]->type == OPT_BOOL ? "" : "-r ");
        if (r == 0)
            r = quoted(v[i]->help, true, out);
        if (r == 0)
            r = str_add(out, "'\n");
    }
    return r;
}

static int fish(const struct opt_table *const t[], size_t n, struct str *out) {
    int r = str_add(out, "# fish completion for " OPT_PROGRAM ", made from its option tables\n"
                         "function __" OPT_PROGRAM "_command\n"
                         "    set -l cmd ''\n"
                         "    for w in (commandline -opc)[2..]\n"
                         "        switch \"$cmd $w\"\n"
                         "            case ");
    if (r == 0)
        r = each_step(t, n, " ", out);
    if (r == 0)
        r = str_add(out, "\n"
                         "                set cmd (string trim \"$cmd $w\")\n"
                         "            case ' -*'\n"
                         "            case '*'\n"
                         "                break\n"
                         "        end\n"
                         "    end\n"
                         "    echo $cmd\n"
                         "end\n"
                         "complete -c " OPT_PROGRAM " -l help -d 'Print usage'\n");
    if (r == 0)
        r = fish_commands(t, n, out);
    for (size_t i = 0; i < n && r == 0; i++)
        r = fish_options(t[i], out);
    return r;
}

int opt_completion(const struct opt_table *const tables[], size_t n, const char *shell,
                   struct str *out) {
    if (n == 0)
        return -EINVAL;
    if (strcmp(shell, "bash") == 0)
        return bash(tables, n, out);
    if (strcmp(shell, "zsh") == 0)
        return zsh(tables, n, out);
    return strcmp(shell, "fish") == 0 ? fish(tables, n, out) : -EINVAL;
}
