#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A report to an abuse desk goes out through the host's Postfix, confined.
. "$(dirname "$0")/lib/group.sh"
in_vm report
finish
