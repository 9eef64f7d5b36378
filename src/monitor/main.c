/* SPDX-License-Identifier: Apache-2.0 */
/* hako-monitor: the small static program behind every box; started by the command, never by hand.
 */
#include "base/str.h"
#include "monitor/monitor.h"
#include "net/holder.h"

static const char main_what[] =
    "hako-monitor " HAKO_VERSION ": a part of hako that the hako command starts\n";

int main(int argc, char **argv) {
    if (argc == 2 && str_eq(argv[1], "run"))
        return monitor_run();
    if (argc == 2 && str_eq(argv[1], "holder"))
        return holder_main();
    return write(STDERR_FILENO, main_what, sizeof(main_what) - 1) < 0 ? 1 : 125;
}
