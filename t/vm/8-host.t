#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What happens to a host: restarts around us, a full disk, a clock that jumps.
. "$(dirname "$0")/lib/group.sh"
in_vm restarts
in_vm full
in_vm clock
finish
