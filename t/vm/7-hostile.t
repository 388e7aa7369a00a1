#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A user whose Junk folder is full of traps.
. "$(dirname "$0")/lib/group.sh"
in_vm hostile
finish
