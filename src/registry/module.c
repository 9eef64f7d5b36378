/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/account.h"
#include "registry/pull.h"

HAKO_PUBLIC const struct registry_module hako_registry_module = {
    .size = sizeof(struct registry_module),
    .pull = pull_image,
    .login = account_login,
    .logout = account_logout,
    .user = account_user,
    .search = account_search,
};
