/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * write-log.so: writes down what a program does to the files of a directory,
 * data and all, so that faults.d/power can make what a power cut may leave.
 *
 *   WRITE_LOG=FILE WRITE_LOG_UNDER=DIR LD_PRELOAD=write-log.so asnd ...
 *
 * FILE gets one record a call that succeeded, in the order of the calls: this,
 * then the names and the data.  Files are known by inode number; a name is the
 * whole path.  SQLite's -shm is left out: it is made anew from the WAL.
 */
#pragma once

#include <stdint.h>

enum WriteOp {
	WRITE_CREATE = 1, /* name */
	WRITE_DATA,       /* offset, data */
	WRITE_TRUNCATE,   /* offset: the new length */
	WRITE_SYNC,
	WRITE_SYNC_DIR, /* name */
	WRITE_RENAME,   /* name, name2 */
	WRITE_UNLINK    /* name */
};

struct WriteRecord {
	uint32_t op, name_len, name2_len, data_len;
	uint64_t ino, offset;
};
