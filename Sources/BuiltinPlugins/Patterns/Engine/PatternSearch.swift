// SPDX-License-Identifier: Apache-2.0

internal import CPCRE2
import Synchronization

/// One pattern searching one text, within limits.
///
/// PCRE2's match limit counts the steps at one start position only, so that `[0-9]+x` on a megabyte of digits runs
/// for minutes without meeting it. Therefore a search runs in windows of start positions, so sized that a window costs
/// at most some tens of milliseconds, and the budget is looked at between them. At the first place that needs more
/// than the quick limit the windows become small and the limit large.
struct PatternSearch: ~Copyable {
    private let compiled: CompiledPattern
    private let source: String
    private let text: UnsafeBufferPointer<UInt8>
    private let workspace: MatchWorkspace
    private let offsets: UnsafeMutablePointer<Int>
    private let quickWindow: Int
    private var isCareful = false

    /// Bytes of start positions per window while a place may cost `MatchWorkspace.carefulMatchLimit` steps.
    private static let carefulWindow = 16
    /// A window does not look at more bytes than this altogether, if every start position reads to the end.
    private static let windowWork = 64 << 20
    /// PCRE2 cannot be given a null pointer for a text.
    private static let emptyText: StaticString = ""

    init(_ compiled: CompiledPattern, source: String, in text: UnsafeBufferPointer<UInt8>) throws(PatternError) {
        guard let workspace = MatchWorkspace.take(pairs: compiled.pairCount) else {
            throw PatternError(.engine, "no memory to search with it; give the process more", pattern: source)
        }
        self.compiled = compiled
        self.source = source
        self.text =
            text.baseAddress == nil ? UnsafeBufferPointer(start: Self.emptyText.utf8Start, count: 0) : text
        self.workspace = workspace
        // Offsets are size_t, which Swift has as UInt; a text is never longer than Int.max.
        offsets = UnsafeMutableRawPointer(pcre2_get_ovector_pointer_8(workspace.data))
            .assumingMemoryBound(to: Int.self)
        quickWindow = max(64, min(4096, Self.windowWork / max(text.count, 1)))
    }

    deinit { MatchWorkspace.giveBack(workspace) }

    /// Where the last match is; call it after `find` returned true.
    var range: Range<Int> { offsets[0]..<max(offsets[0], offsets[1]) }

    /// What the group matched in the last match; nil when it took no part.
    func range(ofGroup group: Int) -> Range<Int>? {
        let start = offsets[2 * group]
        let end = offsets[2 * group + 1]
        return start < 0 || end < start ? nil : start..<end
    }

    /// Finds the first match that starts at `from` or later.
    ///
    /// - Parameter notEmptyAtStart: an empty match at `from` itself does not count.
    mutating func find(
        from: Int, notEmptyAtStart: Bool, budget: inout MatchBudget
    ) throws(PatternError) -> Bool {
        var start = from
        var options = PCRE2.noUTFCheck | (notEmptyAtStart ? PCRE2.notEmptyAtStart : 0)
        var clock: UInt64 = 0
        let isSampled = budget.isSampled()
        if isSampled { clock = MatchBudget.now() }
        isCareful = false
        setLimit(MatchWorkspace.quickMatchLimit)

        while true {
            var last = start + (isCareful ? Self.carefulWindow : quickWindow)
            while last + 1 < text.count, text[last + 1] & 0xC0 == 0x80 { last += 1 }
            let isLastWindow = last >= text.count
            pcre2_set_offset_limit_8(workspace.context, isLastWindow ? Int(bitPattern: PCRE2.unset) : last)

            let result = match(from: start, options: options)
            if result > 0 || (result == PCRE2.noMatch && isLastWindow) {
                if isSampled || clock != 0 {
                    try spend(&budget, since: &clock, times: isSampled ? Int64(MatchBudget.sampling) : 1)
                }
                return result > 0
            }
            switch result {
            case PCRE2.noMatch:
                start = last + 1
                options = PCRE2.noUTFCheck
            case PCRE2.matchLimit where !isCareful:
                isCareful = true
                setLimit(MatchWorkspace.carefulMatchLimit)
            default:
                throw failure(result)
            }
            if clock == 0 { clock = MatchBudget.now() }
            try spend(&budget, since: &clock, times: 1)
        }
    }

    private func setLimit(_ limit: UInt32) {
        pcre2_set_match_limit_8(workspace.context, limit)
        pcre2_set_depth_limit_8(workspace.context, limit)
    }

    private func spend(_ budget: inout MatchBudget, since clock: inout UInt64, times: Int64) throws(PatternError) {
        guard budget.spend(since: &clock, times: times) else {
            throw PatternError(
                .tooExpensive,
                "searching takes more than \(budget.limit) of CPU time; make the pattern simpler or the text shorter",
                pattern: source)
        }
    }

    private func match(from start: Int, options: UInt32) -> Int32 {
        let result = matchOnce(from: start, options: options)
        guard result == PCRE2.jitStackLimit else { return result }
        return Self.onLargeStack { stack in
            guard let stack else { return PCRE2.noMemory }
            workspace.useStack(stack)
            defer { workspace.useOwnStack() }
            return matchOnce(from: start, options: options)
        }
    }

    private func matchOnce(from start: Int, options: UInt32) -> Int32 {
        pcre2_match_8(
            compiled.code, text.baseAddress, text.count, start, options, workspace.data, workspace.context)
    }

    private func failure(_ result: Int32) -> PatternError {
        switch result {
        case PCRE2.matchLimit, PCRE2.depthLimit:
            PatternError(
                .tooExpensive,
                "one place of the text takes more than \(MatchWorkspace.carefulMatchLimit) steps; "
                    + "avoid nested repetition such as (a+)+", pattern: source)
        case PCRE2.jitStackLimit, PCRE2.heapLimit, PCRE2.noMemory:
            PatternError(
                .tooExpensive, "searching takes too much memory; avoid repeating a group over a long text",
                pattern: source)
        default:
            PatternError(.engine, "\(PCRE2.message(result)); simplify the pattern", pattern: source)
        }
    }

    /// Serialises the searches that need a large stack, so that there is never more than one such stack.
    private static let largeStackLock = Mutex<Void>(())
    private static let largeStackLimit = 64 << 20

    private static func onLargeStack(_ body: (OpaquePointer?) -> Int32) -> Int32 {
        largeStackLock.withLock { _ in
            let stack = pcre2_jit_stack_create_8(32 * 1024, largeStackLimit, nil)
            defer { pcre2_jit_stack_free_8(stack) }
            return body(stack)
        }
    }
}
