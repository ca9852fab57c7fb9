// SPDX-License-Identifier: Apache-2.0

public import Values

/// One hook of one plugin, without its types: how the host calls any plugin.
public struct HookHandler: Sendable {
    /// The hook that this handles.
    public let hook: HookName
    @usableFromInline let run: @Sendable (Document, PluginContext) async throws -> PluginResult

    /// Makes a handler for a hook of any payload and result type: how custom hooks are written.
    ///
    /// - Parameters:
    ///   - hook: The hook's name.
    ///   - body: What the plugin does; its payload is checked before it is called.
    @inlinable
    public init<Payload: HookPayload, Change: HookPayload>(
        _ hook: HookName,
        _ body: @escaping @Sendable (Payload, PluginContext) async throws -> Verdict<Change>
    ) {
        // Inlinable, so that the code for a plugin's types is made with the plugin: to look them up is a tenth of a call.
        self.hook = hook
        run = { document, context in
            let payload: Payload
            do throws(ValueError) {
                payload = try Payload(document: document)
            } catch {
                throw Self.invalidPayload(of: hook, error)
            }
            let verdict = try await body(payload, context)
            let change = verdict.change?.document
            if let change { try Self.check(change, of: hook) }
            return verdict.result(changing: change)
        }
    }

    @usableFromInline
    static func invalidPayload(of hook: HookName, _ cause: ValueError) -> any Error {
        InvalidPayload(hook: hook, cause: cause)
    }

    /// What a typed plugin returns is right by its type; a custom handler for a standard hook may return anything.
    @usableFromInline
    static func check(_ change: Document, of hook: HookName) throws {
        do throws(ValueError) {
            try hook.checkChange(change)
        } catch {
            throw InvalidChange(hook: hook, cause: error)
        }
    }
}

/// A changed payload that is not what its hook's result must be.
struct InvalidChange: Error, CustomStringConvertible {
    let hook: HookName
    let cause: ValueError

    var description: String { "the modified payload for \(hook) is invalid: \(cause)" }
}

/// A payload that is not what its hook takes.
struct InvalidPayload: Error, CustomStringConvertible {
    let hook: HookName
    let cause: ValueError

    var description: String { "the payload of \(hook) is invalid: \(cause)" }
}
