/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/account.h"
#include "registry/ask.h"
#include "registry/import.h"
#include "registry/load.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/save.h"

HAKO_PUBLIC const struct registry_module hako_registry_module = {
    .size = sizeof(struct registry_module),
    .pull = pull_image,
    .load = load_images,
    .push = push_image,
    .save = save_images,
    .import = import_image,
    .ask = ask_registry,
    .login = account_login,
    .logout = account_logout,
    .user = account_user,
    .search = account_search,
};
