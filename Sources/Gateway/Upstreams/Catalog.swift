// SPDX-License-Identifier: Apache-2.0

import Values

/// What an upstream offers, all pages together, as far as configuration lets it.
struct Catalog: Sendable, Equatable {
    /// One tool or prompt: its name, and all that is said about it.
    struct Named: Sendable, Equatable {
        let name: String
        let item: ValueObject

        static func == (left: Named, right: Named) -> Bool {
            left.name.hasSameBytes(as: right.name) && left.item == right.item
        }
    }

    /// What the upstream can do, as it said at the beginning of the session.
    var capabilities: ValueObject = [:]
    /// How it is to be used, if it says so.
    var instructions: String?
    var tools: [Named] = []
    var prompts: [Named] = []
    var resources: [ValueObject] = []
    var templates: [ValueObject] = []

    /// Whether it announced a capability.
    func can(_ capability: String) -> Bool { capabilities[capability]?.objectValue != nil }

    /// Whether it announced a part of a capability, such as `subscribe` of `resources`.
    func can(_ capability: String, _ part: String) -> Bool { capabilities[capability]?[part]?.boolValue == true }
}

/// A kind of list that clients ask for.
enum ListKind: String, Sendable, CaseIterable {
    case tools, prompts, resources, templates

    /// The method that lists it.
    var method: String {
        switch self {
        case .tools: "tools/list"
        case .prompts: "prompts/list"
        case .resources: "resources/list"
        case .templates: "resources/templates/list"
        }
    }

    /// The member of the result that has it.
    var member: String { self == .templates ? "resourceTemplates" : rawValue }

    /// The capability that it belongs to.
    var capability: String { self == .templates ? "resources" : rawValue }

    /// The member of an element that names it.
    var key: String {
        switch self {
        case .tools, .prompts: "name"
        case .resources: "uri"
        case .templates: "uriTemplate"
        }
    }

    /// The notification that tells of its change.
    var changed: String { "notifications/\(capability)/list_changed" }
}
