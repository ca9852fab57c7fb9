// SPDX-License-Identifier: Apache-2.0

/// What a plugin may do to a call, and what its errors mean: its mode, in the vocabulary of the whole configuration.
struct PluginRole: Sendable, Equatable {
    /// When it runs.
    ///
    /// With ContextForge 1.0's modes there is one phase before the background, with cpex's modes all five.
    enum Phase: Int, Sendable, Comparable {
        case sequential, transform, audit, concurrent, background

        static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    let phase: Phase
    /// Whether its violations end the call.
    let mayBlock: Bool
    /// Whether its changed payloads are taken.
    let mayChange: Bool
    /// Whether what it writes to the global state and metadata reaches others.
    let sharesState: Bool
    /// Whether the headers it gives go to the caller.
    var givesHeaders: Bool { phase != .audit && phase != .background }
    let errorPolicy: PluginErrorPolicy

    /// - Parameters:
    ///   - entry: The plugin; not a disabled one.
    ///   - isPhased: Whether the configuration uses a mode of cpex, so that the old names mean what cpex says.
    init(_ entry: PluginEntry, isPhased: Bool) {
        let onError: PluginErrorPolicy
        switch entry.mode {
        case .enforce, .sequential, .disabled:
            (phase, mayBlock, mayChange, sharesState, onError) = (.sequential, true, true, true, .fail)
        case .enforceIgnoreError:
            (phase, mayBlock, mayChange, sharesState, onError) = (.sequential, true, true, true, .ignore)
        case .permissive where !isPhased:
            (phase, mayBlock, mayChange, sharesState, onError) = (.sequential, false, true, false, .ignore)
        case .permissive, .transform:
            (phase, mayBlock, mayChange, sharesState, onError) = (.transform, false, true, true, .fail)
        case .audit:
            (phase, mayBlock, mayChange, sharesState, onError) = (.audit, false, false, false, .fail)
        case .concurrent:
            (phase, mayBlock, mayChange, sharesState, onError) = (.concurrent, true, false, true, .fail)
        case .fireAndForget:
            (phase, mayBlock, mayChange, sharesState, onError) = (.background, false, false, false, .ignore)
        }
        errorPolicy = entry.errorPolicy ?? onError
    }
}

extension PluginMode {
    /// Whether the name is cpex's: a configuration that uses one runs in phases.
    package var isPhased: Bool {
        switch self {
        case .enforce, .enforceIgnoreError, .permissive, .disabled: false
        case .sequential, .transform, .audit, .concurrent, .fireAndForget: true
        }
    }
}
