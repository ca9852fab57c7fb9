// SPDX-License-Identifier: Apache-2.0

#ifndef GATEHOUSE_ALLOCATION_COUNT_H
#define GATEHOUSE_ALLOCATION_COUNT_H

/// How many blocks this process has taken from the heap since it started, on all threads.
///
/// An executable that links this has its allocations counted: malloc, calloc, realloc and their aligned relatives.
unsigned long allocation_count(void);

#endif
