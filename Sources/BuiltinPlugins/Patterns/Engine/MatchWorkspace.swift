// SPDX-License-Identifier: Apache-2.0

internal import CPCRE2
import Synchronization

/// What one running match needs: the offsets it fills in, its limits, and a stack for compiled patterns.
///
/// `@unchecked Sendable`: a workspace belongs to one call from `take` to `giveBack`; the pool's lock orders the
/// hand-overs.
final class MatchWorkspace: @unchecked Sendable {
    /// Steps at one place of a text that a search begins with: about 20 microseconds.
    static let firstMatchLimit: UInt32 = 2_000
    /// Steps at one place of a text above which a search is given up, whatever its time.
    static let lastMatchLimit: UInt32 = firstMatchLimit << 13
    /// Memory of the interpreter (used where there is no JIT), in KiB.
    static let heapLimit: UInt32 = 32 * 1024
    private static let stackStart = 32 * 1024
    private static let stackLimit = 512 * 1024

    private(set) var data: OpaquePointer
    let context: OpaquePointer
    private let stack: OpaquePointer?
    private(set) var pairs: Int

    private init?(pairs: Int) {
        guard let data = pcre2_match_data_create_8(UInt32(pairs), nil) else { return nil }
        guard let context = pcre2_match_context_create_8(nil) else {
            pcre2_match_data_free_8(data)
            return nil
        }
        self.data = data
        self.context = context
        self.pairs = pairs
        stack = pcre2_jit_stack_create_8(Self.stackStart, Self.stackLimit, nil)
        pcre2_set_heap_limit_8(context, Self.heapLimit)
        pcre2_jit_stack_assign_8(context, nil, stack.map { UnsafeMutableRawPointer($0) })
    }

    deinit {
        pcre2_match_data_free_8(data)
        pcre2_match_context_free_8(context)
        pcre2_jit_stack_free_8(stack)
    }

    /// Puts the usual stack back after `useStack`.
    func useOwnStack() { pcre2_jit_stack_assign_8(context, nil, stack.map { UnsafeMutableRawPointer($0) }) }

    /// Runs compiled patterns on `other` until `useOwnStack`.
    func useStack(_ other: OpaquePointer) { pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(other)) }

    private func reserve(pairs wanted: Int) -> Bool {
        if wanted <= pairs { return true }
        guard let larger = pcre2_match_data_create_8(UInt32(wanted), nil) else { return false }
        pcre2_match_data_free_8(data)
        data = larger
        pairs = wanted
        return true
    }

    /// Those not in use. Each keeps up to 544 KiB once a match needed that much.
    private static let pool = Mutex<[MatchWorkspace]>([])
    private static let poolLimit = 16

    /// A workspace for this call alone.
    static func take(pairs: Int) -> MatchWorkspace? {
        if let workspace = pool.withLock({ $0.popLast() }) {
            return workspace.reserve(pairs: pairs) ? workspace : nil
        }
        return MatchWorkspace(pairs: max(pairs, 16))
    }

    static func giveBack(_ workspace: MatchWorkspace) {
        // A pattern of thousands of groups must not leave its offsets behind.
        guard workspace.pairs <= 256 else { return }
        pool.withLock { if $0.count < poolLimit { $0.append(workspace) } }
    }
}
