#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# No process of ours is root or can become it.
. "$(dirname "$0")/lib/group.sh"
in_vm privileges
finish
