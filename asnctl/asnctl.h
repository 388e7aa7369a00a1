/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs of asnctl(1).  Each lives in a file of its own and gets argv as
 * main does: argv[0] is the verb, with "asnctl " before it for messages and
 * --help.  It returns the exit code, one of sysexits.h where it is not 0.
 * One thread, no state between verbs.
 */
#pragma once

#include <glib.h>

int asnctl_watch(int argc, char **argv);
int asnctl_status(int argc, char **argv);
int asnctl_allow(int argc, char **argv);
int asnctl_block(int argc, char **argv);
int asnctl_rules(int argc, char **argv);
int asnctl_lookup(int argc, char **argv);
int asnctl_replay(int argc, char **argv);
int asnctl_check(int argc, char **argv);
int asnctl_import(int argc, char **argv);
int asnctl_seal_key(int argc, char **argv);
int asnctl_networks(int argc, char **argv);
int asnctl_export(int argc, char **argv);
int asnctl_learn(int argc, char **argv);
int asnctl_forget(int argc, char **argv);
int asnctl_history(int argc, char **argv);
int asnctl_report(int argc, char **argv);
int asnctl_quality(int argc, char **argv);
int asnctl_top(int argc, char **argv);
int asnctl_metrics(int argc, char **argv);
