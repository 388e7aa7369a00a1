#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./setup install on a mail host with two users, from the clone alone.
. "$(dirname "$0")/lib/group.sh"
in_vm prepare
in_vm install
finish
