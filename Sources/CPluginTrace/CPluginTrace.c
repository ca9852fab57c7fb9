// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CPluginTrace.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ALTERNATE_STACK_BYTES = 32 * 1024 };

struct plugin_trace_slot {
    _Atomic(const char *) plugin;
    _Atomic(uint64_t) since;
    _Atomic(uint32_t) may_block;
    uint32_t starts_inline;
    _Atomic(uint32_t) taken;
    void *alternate_stack;
    struct plugin_trace_slot *next;
};

static _Atomic(plugin_trace_slot *) slots;
static __thread plugin_trace_slot *own_slot;
static pthread_key_t slot_key;
static pthread_once_t slot_key_once = PTHREAD_ONCE_INIT;

static uint64_t now_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void release_slot(void *pointer) {
    plugin_trace_slot *slot = pointer;
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    atomic_store_explicit(&slot->plugin, NULL, memory_order_release);
    atomic_store_explicit(&slot->taken, 0, memory_order_release);
}

static void make_slot_key(void) { pthread_key_create(&slot_key, release_slot); }

static plugin_trace_slot *claim_slot(void) {
    for (plugin_trace_slot *slot = atomic_load(&slots); slot != NULL; slot = slot->next) {
        uint32_t expected = 0;
        if (atomic_compare_exchange_strong(&slot->taken, &expected, 1)) return slot;
    }
    plugin_trace_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL) abort();
    slot->alternate_stack = malloc(ALTERNATE_STACK_BYTES);
    atomic_store(&slot->taken, 1);
    plugin_trace_slot *head = atomic_load(&slots);
    do {
        slot->next = head;
    } while (!atomic_compare_exchange_weak(&slots, &head, slot));
    return slot;
}

plugin_trace_slot *plugin_trace_current(void) {
    if (own_slot != NULL) return own_slot;
    pthread_once(&slot_key_once, make_slot_key);
    own_slot = claim_slot();
    own_slot->starts_inline = 0;
    pthread_setspecific(slot_key, own_slot);
    // A crash by stack overflow leaves no room on the thread's own stack for the handler.
    stack_t present;
    if (own_slot->alternate_stack != NULL && sigaltstack(NULL, &present) == 0 && (present.ss_flags & SS_DISABLE)) {
        stack_t alternate = {.ss_sp = own_slot->alternate_stack, .ss_size = ALTERNATE_STACK_BYTES};
        sigaltstack(&alternate, NULL);
    }
    return own_slot;
}

struct interned_name {
    struct interned_name *next;
    char name[];
};

const char *plugin_trace_intern(const char *name) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct interned_name *names;
    pthread_mutex_lock(&lock);
    struct interned_name *entry = names;
    while (entry != NULL && strcmp(entry->name, name) != 0) entry = entry->next;
    if (entry == NULL) {
        size_t length = strlen(name);
        entry = malloc(sizeof *entry + length + 1);
        if (entry == NULL) abort();
        memcpy(entry->name, name, length + 1);
        entry->next = names;
        names = entry;
    }
    pthread_mutex_unlock(&lock);
    return entry->name;
}

plugin_trace_frame plugin_trace_enter(plugin_trace_slot *slot, const char *plugin, uint32_t may_block) {
    plugin_trace_frame before = {
        .plugin = atomic_load_explicit(&slot->plugin, memory_order_relaxed),
        .since = atomic_load_explicit(&slot->since, memory_order_relaxed),
        .may_block = atomic_load_explicit(&slot->may_block, memory_order_relaxed),
    };
    atomic_store_explicit(&slot->since, now_nanoseconds(), memory_order_relaxed);
    atomic_store_explicit(&slot->may_block, may_block, memory_order_relaxed);
    atomic_store_explicit(&slot->plugin, plugin, memory_order_release);
    return before;
}

void plugin_trace_leave(plugin_trace_slot *slot, plugin_trace_frame before) {
    atomic_store_explicit(&slot->plugin, before.plugin, memory_order_release);
    // Whoever reads the plugin and then the time must never see a time that lies before the plugin's.
    if (before.plugin == NULL) return;
    atomic_store_explicit(&slot->since, before.since, memory_order_release);
    atomic_store_explicit(&slot->may_block, before.may_block, memory_order_release);
}

void plugin_trace_set_inline(plugin_trace_slot *slot, uint32_t starts_inline) { slot->starts_inline = starts_inline; }

uint32_t plugin_trace_take_inline(plugin_trace_slot *slot) {
    uint32_t starts_inline = slot->starts_inline;
    slot->starts_inline = 0;
    return starts_inline;
}

uint32_t plugin_trace_scan(plugin_trace_running *out, uint32_t capacity) {
    uint32_t count = 0;
    uint64_t now = now_nanoseconds();
    for (plugin_trace_slot *slot = atomic_load(&slots); slot != NULL; slot = slot->next) {
        const char *plugin = atomic_load_explicit(&slot->plugin, memory_order_acquire);
        if (plugin == NULL) continue;
        uint64_t since = atomic_load_explicit(&slot->since, memory_order_acquire);
        // The thread may have moved on in between: then it is not stalled.
        if (atomic_load_explicit(&slot->plugin, memory_order_acquire) != plugin) continue;
        if (count < capacity) {
            out[count] = (plugin_trace_running){
                .plugin = plugin,
                .elapsed = now > since ? now - since : 0,
                .since = since,
                .may_block = atomic_load_explicit(&slot->may_block, memory_order_relaxed),
            };
        }
        count++;
    }
    return count;
}

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT};
enum { CRASH_SIGNALS = sizeof crash_signals / sizeof *crash_signals };
static struct sigaction previous_actions[CRASH_SIGNALS];

static void write_text(const char *text) {
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, text, length);
        if (written <= 0) return;
        text += written;
        length -= (size_t)written;
    }
}

static void name_the_plugin(int signal_number, siginfo_t *info, void *context) {
    (void)context;
    const char *plugin = own_slot != NULL ? atomic_load_explicit(&own_slot->plugin, memory_order_relaxed) : NULL;
    if (plugin != NULL) {
        write_text("gatehouse: crashed while plugin '");
        write_text(plugin);
        write_text("' was running\n");
    } else {
        write_text("gatehouse: crashed while no plugin was running\n");
    }
    for (int index = 0; index < CRASH_SIGNALS; index++) {
        if (crash_signals[index] == signal_number) sigaction(signal_number, &previous_actions[index], NULL);
    }
    // A fault happens again when the handler returns, now with the previous action; a signal that was sent must be sent again.
    if (info->si_code <= 0) raise(signal_number);
}

void plugin_trace_install_crash_handler(void) {
    static _Atomic(uint32_t) installed;
    if (atomic_exchange(&installed, 1)) return;
    struct sigaction action = {.sa_sigaction = name_the_plugin, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (int index = 0; index < CRASH_SIGNALS; index++) {
        sigaction(crash_signals[index], &action, &previous_actions[index]);
    }
}
