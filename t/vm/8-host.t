#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What happens to a host: restarts around us, a full disk.
. "$(dirname "$0")/lib/group.sh"
in_vm restarts
in_vm full
finish
