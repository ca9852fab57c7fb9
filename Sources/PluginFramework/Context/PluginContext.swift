// SPDX-License-Identifier: Apache-2.0

import Glibc
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
        var caller: CallerIdentity?

        mutating func load() -> ContextValues {
            if let current { return current }
            let values = encoded?.decode() ?? ContextValues(global: GlobalContext(requestID: ""))
            original = values
            current = values
            return values
        }
    }

    private let contents: Mutex<Contents>
    /// Held by the one who changes the values, beyond the moments in which they are read and written.
    private let writing = Mutex<Void>(())
    private let writingThread = Atomic<UInt>(0)

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

    /// Who called over the network, if it showed a certificate that was verified: on a plugin server the gateway, as a rule, and
    /// in a gateway its client.
    ///
    /// Nil over connections without mutual TLS. It is no part of ``values``: it neither comes with
    /// the request nor goes back with the answer.
    public var caller: CallerIdentity? { contents.withLock { $0.caller } }

    /// Notes who called: for the transport's server half and the pipeline, before the plugin is invoked.
    package func setCaller(_ caller: CallerIdentity?) { contents.withLock { $0.caller = caller } }

    /// All values as they are now.
    public var values: ContextValues {
        contents.withLock { $0.load() }
    }

    /// All values as they were received, whatever the plugin has made of them since.
    package var received: ContextValues {
        contents.withLock { contents in
            let current = contents.load()
            return contents.original ?? current
        }
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

    /// Changes several values at once, or one depending on what it was: no other change can come in between.
    ///
    /// Reading the context within `body` gives what it held before. A change made to it there is lost: change what `body` is given.
    public func update<Result: Sendable>(_ body: (inout ContextValues) -> Result) -> Result {
        let thread = UInt(pthread_self())
        // Waiting for oneself would end the process, and with it everybody's calls, for a plugin's slip.
        guard writingThread.load(ordering: .relaxed) != thread else { return apply(body) }
        return writing.withLock { _ in
            writingThread.store(thread, ordering: .relaxed)
            defer { writingThread.store(0, ordering: .relaxed) }
            return apply(body)
        }
    }

    private func apply<Result: Sendable>(_ body: (inout ContextValues) -> Result) -> Result {
        var values = values
        let result = body(&values)
        let changed = values
        contents.withLock { contents in
            contents.isTouched = true
            contents.current = changed
        }
        return result
    }

    /// The values, if the plugin changed them; nil if they are as they were received.
    public var changes: ContextValues? {
        contents.withLock { contents in
            guard contents.isTouched, let current = contents.current, current != contents.original else { return nil }
            return current
        }
    }
}
