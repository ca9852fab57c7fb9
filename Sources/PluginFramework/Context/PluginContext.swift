// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import Values

/// What one plugin knows about the request it is working on, and where it leaves notes.
///
/// It is made for one call of one plugin; changes reach the caller with the plugin's answer. A context that nobody looks at is
/// never decoded.
public final class PluginContext: Sendable {
    private struct Contents {
        var encoded: (any EncodedContext)?
        var original: ContextValues?
        var current: ContextValues?
        /// Whether anybody wrote: most plugins do not, and then nothing need be compared.
        var isTouched = false

        mutating func load() -> ContextValues {
            if let current { return current }
            let values = encoded?.decode() ?? ContextValues(global: GlobalContext(requestID: ""))
            original = values
            current = values
            return values
        }
    }

    private let contents: Mutex<Contents>

    /// Makes a context of its values.
    public init(_ values: ContextValues) {
        contents = Mutex(Contents(encoded: nil, original: values, current: values))
    }

    /// Makes a context for a request.
    public convenience init(global: GlobalContext) {
        self.init(ContextValues(global: global))
    }

    /// Makes a context of validated bytes, which are decoded when they are needed.
    public init(encoded: any EncodedContext) {
        contents = Mutex(Contents(encoded: encoded, original: nil, current: nil))
    }

    /// All values as they are now.
    public var values: ContextValues {
        contents.withLock { $0.load() }
    }

    /// Data private to the plugin, kept from a pre hook to its post hook within a request.
    public var state: ValueObject {
        get { values.state }
        set { update { $0.state = newValue } }
    }

    /// What the plugin notes about the call.
    public var metadata: ValueObject {
        get { values.metadata }
        set { update { $0.metadata = newValue } }
    }

    /// What is known about the request, and the state that plugins share within it.
    public var global: GlobalContext {
        get { values.global }
        set { update { $0.global = newValue } }
    }

    /// Changes several values at once, or one depending on what it was: nothing can come in between.
    public func update<Result: Sendable>(_ body: (inout ContextValues) -> Result) -> Result {
        contents.withLock { contents in
            var values = contents.load()
            contents.current = nil
            contents.isTouched = true
            let result = body(&values)
            contents.current = values
            return result
        }
    }

    /// The values, if the plugin changed them; nil if they are as they were received.
    public var changes: ContextValues? {
        contents.withLock { contents in
            guard contents.isTouched, let current = contents.current, current != contents.original else { return nil }
            return current
        }
    }
}
