/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include "base/io.h"
#include "base/json.h"
#include "sys/tty.h"

#include <stdio.h>
#include <string.h>

#define FRAME_NS 60000000LL /* between two drawings */
#define RATE_NS 500000000LL /* between two measurements */
#define BAR_LEAST 10
#define NUMBERS_USUAL 37 /* columns of all but name, phase and bar */
#define BAR_MOST 50

/* --- the block ------------------------------------------------------------------------------- */

const char *progress_remaining(uint64_t s, char out[static 16]) {
    if (s < 60)
        snprintf(out, 16, "%us", (unsigned)s);
    else if (s < 3600)
        snprintf(out, 16, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
    else if (s < 100 * 3600)
        snprintf(out, 16, "%uh%02um", (unsigned)(s / 3600), (unsigned)(s % 3600 / 60));
    else
        out[0] = '\0';
    return out;
}

/* "  3.4MB/29.1MB  5.2MB/s  5s" */
static int progress_numbers(const struct progress_layer *l, struct str *out) {
    char done[16], total[16], rate[16], left[16];
    str_human_size(l->done, done);
    int r = l->total ? str_addf(out, "  %s/%s", done, str_human_size(l->total, total))
                     : str_addf(out, "  %s", done);
    if (r < 0 || l->rate < 1)
        return r;
    r = str_addf(out, "  %s/s", str_human_size((uint64_t)l->rate, rate));
    if (r == 0 && l->total > l->done) {
        double seconds = (double)(l->total - l->done) / l->rate;
        progress_remaining(seconds < 1e6 ? (uint64_t)seconds + 1 : 1000000, left);
        if (left[0])
            r = str_addf(out, "  %s", left);
    }
    return r;
}

static int progress_bar(const struct progress_layer *l, size_t width, struct str *out) {
    uint64_t done = MIN_OF(l->done, l->total);
    size_t filled = (size_t)((double)width * ((double)done / (double)l->total));
    int r = str_addc(out, '[');
    for (size_t i = 0; i < width && r == 0; i++)
        r = str_addc(out, i < filled ? '=' : i == filled ? '>' : ' ');
    return r < 0 ? r : str_addc(out, ']');
}

/* Phases in which bytes are counted. */
static bool progress_moves(const char *phase) {
    static const char *const moving[] = {"Downloading", "Extracting", "Preparing", "Pushing",
                                         "Loading",     "Saving",     "Importing"};
    for (size_t i = 0; i < ARRAY_SIZE(moving); i++)
        if (strcmp(phase, moving[i]) == 0)
            return true;
    return false;
}

int progress_line(const struct progress_layer *l, unsigned cols, struct str *out) {
    AUTO_STR struct str line = STR_INIT(1024), numbers = STR_INIT(256);
    bool moving = !l->finished && (l->done > 0 || l->total > 0) && progress_moves(l->phase);
    int r = str_addf(&line, moving ? "%s: %-11s" : "%s: %s", l->id, l->phase);
    if (r == 0 && moving)
        r = progress_numbers(l, &numbers);
    if (r < 0)
        return r;
    size_t used = line.len + 1 + numbers.len + 2; /* blank, numbers, brackets */
    if (moving && l->total && cols >= used + BAR_LEAST) {
        /* the numbers grow and shrink: the bar does not */
        size_t room = line.len + NUMBERS_USUAL + BAR_LEAST <= cols ? cols - line.len - NUMBERS_USUAL
                                                                   : BAR_LEAST;
        r = str_addc(&line, ' ');
        if (r == 0)
            r = progress_bar(l, MIN_OF(MIN_OF(room, cols - used), (size_t)BAR_MOST), &line);
    }
    if (r == 0)
        r = str_add(&line, str_c(&numbers));
    return r < 0 ? r : str_addn(out, str_c(&line), MIN_OF(line.len, (size_t)cols));
}

int progress_frame(const struct progress_layer *v, size_t n, unsigned rows, unsigned cols,
                   struct str *out, size_t *lines) {
    size_t finished = 0, shown = 0;
    bool all = n <= rows;
    size_t room = all ? n : rows ? rows - 1 : 0;
    int r = 0;
    for (size_t i = 0; i < n; i++)
        finished += v[i].finished;
    size_t of_finished = room > n - finished ? room - (n - finished) : 0;
    size_t hidden_finished = finished > of_finished ? finished - of_finished : 0;
    for (size_t i = 0; i < n && shown < room && r == 0; i++) {
        if (v[i].finished && hidden_finished > 0) {
            hidden_finished--;
            continue;
        }
        r = progress_line(&v[i], cols, out);
        if (r == 0)
            r = str_add(out, "\033[K\n");
        shown++;
    }
    if (r == 0 && !all && rows) {
        r = str_addf(out, "%zu of %zu layers complete\033[K\n", finished, n);
        shown++;
    }
    *lines = shown;
    return r;
}

/* --- on the screen --------------------------------------------------------------------------- */

static void progress_draw(struct progress *p, int64_t now) {
    AUTO_STR struct str out = STR_INIT(1 << 20);
    uint16_t rows = 24, cols = 80;
    size_t lines = 0;
    if (tty_get_size(STDERR_FILENO, &rows, &cols) < 0 || rows == 0 || cols == 0) {
        rows = 24;
        cols = 80;
    }
    if (p->drawn)
        str_addf(&out, "\033[%zuA\r", p->drawn);
    if (progress_frame(p->v, p->n, rows > 1 ? rows - 1U : 1U, cols > 1 ? cols - 1U : 1U, &out,
                       &lines) < 0)
        return;
    str_add(&out, "\033[J");
    io_write_all(STDERR_FILENO, str_c(&out), out.len);
    p->drawn = lines;
    p->drawn_ns = now;
}

static struct progress_layer *progress_find(struct progress *p, const char *id, bool *fresh) {
    *fresh = false;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->v[i].id, id) == 0)
            return &p->v[i];
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        struct progress_layer *more = reallocarray(p->v, cap, sizeof(*more));
        if (!more)
            return NULL;
        p->v = more;
        p->cap = cap;
    }
    struct progress_layer *l = &p->v[p->n++];
    *l = (struct progress_layer){0};
    str_copy(l->id, sizeof(l->id), id);
    *fresh = true;
    return l;
}

static void progress_measure(struct progress_layer *l, bool new_phase, int64_t now) {
    if (new_phase || l->done < l->mark_done) {
        l->mark_ns = now;
        l->mark_done = l->done;
        l->rate = 0;
    } else if (now - l->mark_ns >= RATE_NS) {
        double recent =
            (double)(l->done - l->mark_done) / ((double)(now - l->mark_ns) / 1000000000.0);
        l->rate = l->rate > 0 ? l->rate * 0.7 + recent * 0.3 : recent;
        l->mark_ns = now;
        l->mark_done = l->done;
    }
}

static void progress_begin(struct progress *p) {
    const char *term = getenv("TERM");
    if (p->begun)
        return;
    p->begun = true;
    p->terminal = tty_is(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    if (p->begin)
        p->begin(p->data);
}

/* A layer that turns out to be here already never began. */
static void progress_tell(struct progress_layer *l, bool ends) {
    if (!l->announced && progress_moves(l->phase)) {
        bool pull = strcmp(l->phase, "Downloading") == 0 || strcmp(l->phase, "Extracting") == 0;
        l->announced = true;
        fprintf(stderr, "%s: %s\n", l->id, pull ? "Pulling fs layer" : l->phase);
    }
    if (ends)
        fprintf(stderr, "%s: %s\n", l->id, l->phase);
}

void progress_show(const struct hako_progress *hp, void *data) {
    struct progress *p = data;
    char id[16];
    bool fresh;
    progress_begin(p);
    str_copy(id, sizeof(id), hp->layer);
    struct progress_layer *l = progress_find(p, id, &fresh);
    if (!l)
        return;
    int64_t now = now_mono_ns();
    bool new_phase = fresh || strcmp(l->phase, hp->phase) != 0, ends = hp->finished && !l->finished;
    str_copy(l->phase, sizeof(l->phase), hp->phase);
    l->done = hp->done;
    l->total = hp->total;
    l->finished = hp->finished;
    progress_measure(l, new_phase, now);
    if (p->terminal) {
        if (new_phase || now - p->drawn_ns >= FRAME_NS)
            progress_draw(p, now);
        return;
    }
    progress_tell(l, ends);
}

void progress_json(const struct hako_progress *hp, void *data) {
    (void)data;
    AUTO_STR struct str line = STR_INIT(1024);
    AUTO_JS js *doc = js_new_object();
    js *detail = js_new_object();
    int r = doc && detail ? js_set_str(doc, "status", hp->phase) : -ENOMEM;
    if (r == 0 && hp->done)
        r = js_set_u64(detail, "current", hp->done);
    if (r == 0 && hp->total)
        r = js_set_u64(detail, "total", hp->total);
    if (r == 0)
        r = js_set(doc, "progressDetail", detail);
    if (r == 0)
        r = js_set_str(doc, "id", hp->layer);
    if (r == 0)
        r = js_print(doc, JS_COMPACT, &line);
    if (r == 0 && str_addc(&line, '\n') == 0)
        io_write_all(STDOUT_FILENO, str_c(&line), line.len);
}

void progress_end(struct progress *p) {
    if (p->terminal && p->n)
        progress_draw(p, now_mono_ns());
    free(p->v);
    p->v = NULL;
    p->n = p->cap = p->drawn = 0;
}
