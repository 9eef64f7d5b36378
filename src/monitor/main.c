/* SPDX-License-Identifier: Apache-2.0 */
/* hako-monitor: started by the command, never by hand. */
#include "base/str.h"
#include "monitor/monitor.h"
#include "net/holder.h"

#include <stdio.h>

int main(int argc, char **argv) {
    if (argc == 2 && str_eq(argv[1], "run"))
        return monitor_run();
    if (argc == 2 && str_eq(argv[1], "holder"))
        return holder_main();
    fprintf(stderr, "hako-monitor " HAKO_VERSION ": part of hako; started by the hako command\n");
    return 125;
}
