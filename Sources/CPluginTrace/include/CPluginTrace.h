// SPDX-License-Identifier: Apache-2.0
//
// Which plugin each thread is running right now: read by the watchdog that finds stalled threads, and by the handler that names
// the plugin when the process crashes. It is C because a signal handler may touch nothing but plain memory, and because Swift
// has no thread-local storage.
#pragma once

#include <stdint.h>

/// What one thread is running. Slots are never freed; one whose thread has ended is used again.
typedef struct plugin_trace_slot plugin_trace_slot;

/// The slot of the calling thread.
plugin_trace_slot *_Nonnull plugin_trace_current(void);

/// A copy of a plugin's name that lives as long as the process; the same name gives the same copy.
const char *_Nonnull plugin_trace_intern(const char *_Nonnull name);

/// What a thread was running before `plugin_trace_enter`, to be given back to `plugin_trace_leave`.
typedef struct {
    const char *_Nullable plugin;
    uint64_t since;
    uint32_t may_block;
} plugin_trace_frame;

/// Notes that the thread begins to run a plugin. `plugin` must be interned; `may_block` is for plugins that have threads of their own.
plugin_trace_frame plugin_trace_enter(plugin_trace_slot *_Nonnull slot, const char *_Nonnull plugin, uint32_t may_block);

/// Notes that the thread is back at what it was doing before.
void plugin_trace_leave(plugin_trace_slot *_Nonnull slot, plugin_trace_frame before);

/// Sets whether the next task that this thread creates for a plugin starts at once, on this thread.
void plugin_trace_set_inline(plugin_trace_slot *_Nonnull slot, uint32_t starts_inline);

/// Reads and clears what `plugin_trace_set_inline` set.
uint32_t plugin_trace_take_inline(plugin_trace_slot *_Nonnull slot);

/// One thread that is running a plugin.
typedef struct {
    const char *_Nonnull plugin;
    /// For how long, in nanoseconds.
    uint64_t elapsed;
    /// When it began, in nanoseconds of the monotonic clock: tells one stay from the next.
    uint64_t since;
    uint32_t may_block;
} plugin_trace_running;

/// Writes what threads are running into `out`, and returns how many there were; at most `capacity` are written.
uint32_t plugin_trace_scan(plugin_trace_running *_Nonnull out, uint32_t capacity);

/// From now on a crash of the process names the plugin that was running, on stderr, before it takes its course.
void plugin_trace_install_crash_handler(void);
