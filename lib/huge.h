/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Large arrays in large pages: a quarter of an import's CPU went into the
 * kernel handing out 4 KiB at a time.  Only advice, so nothing can fail.
 */
#pragma once

#include <glib.h>
#include <sys/mman.h>

#define ASN_HUGE_MIN ((gsize)4 << 20)

/* Before the memory is first written; it stays the caller's. */
static inline void
asn_advise_huge(void *p, gsize len)
{
	gsize page = 4096, skip = (page - (gsize)p % page) % page;

	if (len >= ASN_HUGE_MIN)
		madvise((guint8 *)p + skip, (len - skip) / page * page,
		    MADV_HUGEPAGE);
}
