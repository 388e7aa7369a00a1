#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Directories exchanged against reading, in a loop.  As root.
exec "${ASND_BUILD:-build}/t/t-mailwatch-races"
