#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What systemd says about the units.
. "$(dirname "$0")/lib/group.sh"
in_vm security
finish
