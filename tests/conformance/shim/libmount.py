# SPDX-License-Identifier: Apache-2.0
"""As much of libmount's Python binding, which Debian does not build, as crun's tests ask for."""


class _Mount:
    def __init__(self, vfs_options, fs_options):
        self.vfs_options = vfs_options
        self.fs_options = fs_options


class Table:
    """A file in the format of /proc/self/mountinfo."""

    def __init__(self, path):
        self._mounts = {}
        with open(path, encoding="utf-8") as f:
            for line in f:
                mount, dash, fs = line.strip().partition(" - ")
                if dash:
                    fields = mount.split(" ")
                    self._mounts[fields[4]] = _Mount(fields[5], fs.split(" ", 2)[2])

    def find_target(self, target):
        return self._mounts[target]
