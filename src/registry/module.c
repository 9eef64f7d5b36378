/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/account.h"
#include "registry/ask.h"
#include "registry/export.h"
#include "registry/import.h"
#include "registry/load.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/save.h"
#include "registry/sign.h"
#include "registry/storejob.h"

HAKO_PUBLIC const struct registry_module hako_registry_module = {
    .size = sizeof(struct registry_module),
    .pull = pull_image,
    .load = load_images,
    .push = push_image,
    .save = save_images,
    .import = import_image,
    .export = export_tree,
    .ask = ask_registry,
    .commit = storejob_commit,
    .check = storejob_check,
    .login = account_login,
    .logout = account_logout,
    .user = account_user,
    .search = account_search,
    .sign = sign_image,
};
