#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# After a boot: all units as they should be, and the first mail wakes the rest.
. "$(dirname "$0")/lib/group.sh"
reboot
in_vm units
finish
