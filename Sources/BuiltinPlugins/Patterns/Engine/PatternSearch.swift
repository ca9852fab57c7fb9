// SPDX-License-Identifier: Apache-2.0

internal import CPCRE2
import Synchronization

/// One pattern searching one text, within limits.
///
/// PCRE2's match limit counts steps, at one start position only. So `[0-9]+x` on a megabyte of digits runs for minutes
/// without meeting it, and in `.*.*=` one step reads much of the text. Time is what must be bounded, and PCRE2 cannot be
/// interrupted; therefore a search runs in windows of start positions, with a step limit that begins low. Between
/// windows the clock is read: windows grow while they are cheap, and the step limit doubles while there is time left
/// for the dearer try. A search of ordinary cost in a text of ordinary size is one window and reads no clock.
struct PatternSearch: ~Copyable {
    private let compiled: CompiledPattern
    private let source: String
    private let text: UnsafeBufferPointer<UInt8>
    private let workspace: MatchWorkspace
    private let offsets: UnsafeMutablePointer<Int>
    /// How many start positions a window has, in bytes.
    private var window: Int
    /// How many steps one start position may take.
    private var stepLimit = MatchWorkspace.firstMatchLimit

    /// A first window looks at no more bytes than this, if every start position reads to the end.
    private static let firstWindowWork = 4 << 20
    /// Below this a window was cheap, in nanoseconds.
    private static let cheap: UInt64 = 2_000_000
    /// Above this a window was dear.
    private static let dear: UInt64 = 20_000_000
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
        window = max(4, Self.firstWindowWork / max(text.count, 1))
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
        let isSampled = budget.isSampled()
        var clock: UInt64 = isSampled ? MatchBudget.now() : 0
        setStepLimit()

        while true {
            var last = start + window
            while last + 1 < text.count, text[last + 1] & 0xC0 == 0x80 { last += 1 }
            let isLastWindow = last >= text.count
            pcre2_set_offset_limit_8(workspace.context, isLastWindow ? Int(bitPattern: PCRE2.unset) : last)

            let result = match(from: start, options: options)
            if result > 0 || (result == PCRE2.noMatch && isLastWindow) {
                if clock != 0 { try spend(&budget, since: &clock, times: isSampled ? MatchBudget.sampling : 1) }
                return result > 0
            }
            let cost = try spend(&budget, since: &clock, times: 1)
            switch result {
            case PCRE2.noMatch:
                start = last + 1
                options = PCRE2.noUTFCheck
                if cost < Self.cheap { window *= 2 } else if cost > Self.dear { window = max(1, window / 4) }
            case PCRE2.matchLimit where stepLimit < MatchWorkspace.lastMatchLimit:
                stepLimit *= 2
                setStepLimit()
                window = 1
                // Twice the steps can take four times the time: each may read further.
                if budget.isShortOf(nanoseconds: 4 * cost) { throw tooLong(budget) }
            default:
                throw failure(result)
            }
        }
    }

    private func setStepLimit() {
        pcre2_set_match_limit_8(workspace.context, stepLimit)
        pcre2_set_depth_limit_8(workspace.context, stepLimit)
    }

    /// Charges the time since `clock`, and returns it. The first window of a search has no clock: it counts as nothing.
    @discardableResult
    private func spend(
        _ budget: inout MatchBudget, since clock: inout UInt64, times: Int
    ) throws(PatternError) -> UInt64 {
        let now = MatchBudget.now()
        let cost = clock == 0 ? 0 : now - clock
        clock = now
        guard budget.spend(nanoseconds: cost, times: times) else { throw tooLong(budget) }
        return cost
    }

    private func tooLong(_ budget: MatchBudget) -> PatternError {
        PatternError(
            .tooExpensive,
            "searching takes more than \(budget.limit) of CPU time; make the pattern simpler or the text shorter",
            pattern: source)
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
                "one place of the text takes more than \(MatchWorkspace.lastMatchLimit) steps; "
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
