#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The whole loop with Postfix, maildrop and two users, and SELinux had nothing to deny.
. "$(dirname "$0")/lib/group.sh"
in_vm loop
finish
