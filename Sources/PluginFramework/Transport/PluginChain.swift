// SPDX-License-Identifier: Apache-2.0

package import Values

/// Consecutive plugins of one hook that live on one server and are run there in one request, one after the other.
///
/// The caller's policies go with them as far as they decide what the next plugin gets, and whether there is a next one. The caller
/// applies all of them again to the answers: a server that goes on where it should not only works for nothing.
package struct PluginChain: Sendable {
    /// One plugin of the chain.
    package struct Step: Sendable {
        /// The plugin's name.
        package var plugin: String
        /// What it knows about the request; it sees the global context as the plugins before it leave it.
        package var context: PluginContext
        /// How long it may take, from its own beginning.
        package var timeLimit: Duration
        /// What its answer may do to the plugins after it.
        package var effects: Effects

        /// Makes a step.
        package init(plugin: String, context: PluginContext, timeLimit: Duration, effects: Effects) {
            self.plugin = plugin
            self.context = context
            self.timeLimit = timeLimit
            self.effects = effects
        }
    }

    /// What a plugin's answer may do to the plugins after it; what is not named ends the chain, or is dropped.
    package struct Effects: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Its changed payloads are taken; else they are dropped.
        package static let changes = Effects(rawValue: 1)
        /// What it writes to the global state and metadata is taken; else it is dropped.
        package static let sharing = Effects(rawValue: 2)
        /// The next plugin is asked after a change that is taken.
        package static let goesOnAfterChange = Effects(rawValue: 4)
        /// The next plugin is asked after a violation.
        package static let goesOnAfterViolation = Effects(rawValue: 8)
        /// The next plugin is asked after an error.
        package static let goesOnAfterError = Effects(rawValue: 16)
    }

    /// What of a changed payload is taken.
    package struct Review: Sendable, Equatable {
        /// The members that may change; nil when none are listed for the hook.
        package var writableFields: [String]?
        /// Whether everything may change at a hook for which none are listed.
        package var takesUnlisted: Bool
        /// The most bytes of a changed payload as JSON text; nil for no limit.
        package var maximumSize: Int?

        /// Makes a review; without arguments one that takes nothing.
        package init(writableFields: [String]? = nil, takesUnlisted: Bool = false, maximumSize: Int? = nil) {
            self.writableFields = writableFields
            self.takesUnlisted = takesUnlisted
            self.maximumSize = maximumSize
        }
    }

    /// The hook.
    package var hook: HookName
    /// What the first plugin gets.
    package var payload: Document
    /// The plugins in order.
    package var steps: [Step]
    /// What of a changed payload is taken.
    package var review: Review
    /// Once the chain has taken so long no further plugin begins: the caller asks for the rest anew.
    ///
    /// So the caller knows of a server that does not answer about as early as if it had asked for one plugin.
    package var patience: Duration
    /// Who called over the network, if it showed a certificate.
    package var caller: CallerIdentity?
    /// Whether plugins may start on the thread that runs the chain.
    package var startsInline = true
    /// The encoded forms of the payload that are kept for all who get it.
    package var encodings: PayloadEncodings?

    /// The most plugins in one request.
    package static let maximumSteps = 100
    /// The longest ``patience``.
    package static let longestPatience = Duration.milliseconds(100)

    /// Makes a chain.
    package init(hook: HookName, payload: Document, steps: [Step], review: Review, patience: Duration) {
        self.hook = hook
        self.payload = payload
        self.steps = steps
        self.review = review
        self.patience = patience
    }

    /// What errors of the whole request say of the plugins that went with the first.
    package var companions: String {
        let names = steps.dropFirst().map { "'\($0.plugin)'" }
        guard names.count > 3 else { return names.joined(separator: ", ") }
        return "\(names.prefix(2).joined(separator: ", ")) and \(names.count - 2) more"
    }

    /// How long a chain whose plugins may take this long has before no further one begins.
    package static func patience(for timeLimit: Duration) -> Duration { min(longestPatience, timeLimit / 8) }

    /// How long a caller waits for the answer: a plugin may begin when the patience is just not over, and its error takes its way.
    package var answerLimit: Duration { (steps.first?.timeLimit ?? .zero) + patience * 2 }
}

/// What the plugins of a chain answered, as far as they were asked: at least the first.
package struct PluginChainAnswer: Sendable {
    /// One plugin's answer.
    package struct Step: Sendable {
        /// What it said.
        package var answer: PluginAnswer
        /// How long it took, as its server says.
        package var duration: Duration

        /// Makes an answer.
        package init(_ answer: PluginAnswer, duration: Duration = .zero) {
            self.answer = answer
            self.duration = duration
        }
    }

    /// The answers in the order of the chain.
    package var steps: [Step]

    /// Makes an answer.
    package init(steps: [Step]) {
        self.steps = steps
    }

    /// Makes the answer of a request that failed as a whole.
    ///
    /// - Parameter error: What befell the first plugin; it is told in the name by which the caller knows it.
    package init(failing chain: PluginChain, _ error: PluginError) {
        var error = error
        if chain.steps.count > 1 { error.message += " (asked together with \(chain.companions))" }
        steps = [Step(PluginAnswer(plugin: error.pluginName, outcome: .failure(error)))]
    }
}

/// Runs one plugin whose server may run several of its plugins in one request.
package protocol PluginChainInvoker: PluginInvoker {
    /// The server, and the plugin's name there; nil while the plugin cannot be called or its server runs one plugin a request.
    var chainSeat: PluginChainSeat? { get }

    /// Runs a chain of plugins of this one's server, this one first.
    ///
    /// A failure of the request is the first plugin's, and tells with whom it was asked; nothing is said of the others then.
    ///
    /// - Returns: Nil when the chain cannot be sent as one request: nothing was run.
    func invoke(_ chain: PluginChain) async -> PluginChainAnswer?
}

/// Where a plugin lives.
package struct PluginChainSeat: Sendable {
    /// The same for plugins that can go in one request.
    package let server: ObjectIdentifier
    /// The plugin's name as its server spells it.
    package let plugin: String

    /// Makes a seat.
    package init(server: ObjectIdentifier, plugin: String) {
        self.server = server
        self.plugin = plugin
    }
}
