# SPDX-License-Identifier: MIT
{
  "targets": [
    {
      "target_name": "lapse_addon",
      "sources": ["addon.c"],
      "include_dirs": [".."],
      "cflags": ["-std=gnu99", "-Wall", "-Wextra", "-Werror"]
    }
  ]
}
