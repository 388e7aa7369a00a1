#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The administrator's tool on the system bus, and who may use it.
. "$(dirname "$0")/lib/group.sh"
in_vm bus
finish
