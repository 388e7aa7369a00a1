#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Hostile users against asnd-mailwatch.  As root: other uids are needed.
exec "${ASND_BUILD:-build}/t/t-mailwatch-hostile"
