#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Breaking out of each service: the sandbox alone refuses it, and so does
# SELinux alone.
. "$(dirname "$0")/lib/group.sh"
in_vm breakout
finish
