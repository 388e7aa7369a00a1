#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What was learnt outlives a reboot, and an uninstallation leaves the host as it was.
. "$(dirname "$0")/lib/group.sh"
in_vm remember write
reboot
in_vm remember compare
in_vm uninstall
finish
