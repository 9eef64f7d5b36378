/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/confirm.h"

#include <stdio.h>

bool confirm(const char *what) {
    char answer = 'n', c;
    bool first = true;
    fprintf(stderr, "WARNING! %s\nAre you sure you want to continue? [y/N] ", what);
    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
        if (first)
            answer = c;
        first = false;
    }
    return answer == 'y' || answer == 'Y';
}
