#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Processes that stand still, and processes that are killed at work.
. "$(dirname "$0")/lib/group.sh"
in_vm hang
in_vm kill
finish
