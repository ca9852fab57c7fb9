// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import PluginFramework
import Values

/// What a virtual server offers at one moment: made when something changes, and then only read.
final class ServerView: Sendable {
    /// A tool, prompt or resource that a client named, and whose it is.
    struct Target: Sendable {
        /// The name or URI towards clients.
        let exposed: String
        /// The upstream's own name or URI.
        let original: String
        let upstream: Upstream
        /// The upstream's position in the view.
        let position: Int
        /// What is said about it; nil for a resource.
        let item: ValueObject?
        /// Which arguments of a tool its calls repeat in headers; nil for none.
        var parameterHeaders: MCPParameterHeaders?
    }

    let upstreams: [Upstream]
    /// What each upstream offers; nil while nobody knows.
    let catalogs: [Catalog?]
    let tools: NameTable
    let prompts: NameTable
    let resourceNames: ResourceNames
    let resources: [ValueObject]
    let templates: [ValueObject]
    private let resourceFilter: NameFilter
    private let upstreamFilters: [NameFilter]

    init(_ settings: VirtualServerSettings, _ upstreams: [Upstream]) {
        let catalogs = upstreams.map(\.catalog)
        let toolFilter = NameFilter(allow: settings.select.tools)
        let promptFilter = NameFilter(allow: settings.select.prompts)
        let resourceFilter = NameFilter(allow: settings.select.resources)
        func sources(_ items: (Catalog) -> [Catalog.Named]) -> [NameTable.Source] {
            upstreams.indices.map { position in
                let upstream = upstreams[position]
                return NameTable.Source(
                    upstream: position, label: upstream.label,
                    isUnprefixed: !settings.usesPrefixes || upstream.settings.prefix.isEmpty,
                    items: (catalogs[position].map(items) ?? []).map { ($0.name, $0.item) })
            }
        }
        let isAlone = !settings.usesPrefixes && upstreams.count == 1
        let names =
            isAlone ? ResourceNames.unchanged : ResourceNames(prefixes: upstreams.map(\.settings.uriPrefix))
        func exposed(_ kind: ListKind, _ items: (Catalog) -> [ValueObject]) -> [ValueObject] {
            catalogs.indices.flatMap { position in
                (catalogs[position].map(items) ?? []).compactMap { item -> ValueObject? in
                    let original = item[kind.key]?.stringValue ?? ""
                    let item = names.exposing(listed: item, key: kind.key, of: position)
                    return resourceFilter.offers(original, item[kind.key]?.stringValue ?? "") ? item : nil
                }
            }
        }
        self.upstreams = upstreams
        self.catalogs = catalogs
        self.resourceFilter = resourceFilter
        upstreamFilters = upstreams.map {
            NameFilter(allow: $0.settings.allow.resources, deny: $0.settings.deny.resources)
        }
        tools = NameTable(sources(\.tools)) { toolFilter.offers($0, $1) }
        prompts = NameTable(sources(\.prompts)) { promptFilter.offers($0, $1) }
        resourceNames = names
        resources = exposed(.resources, \.resources)
        templates = exposed(.templates, \.templates)
    }

    /// The tool or prompt that a client named; nil for one that is not offered here.
    func target(named name: String, in table: NameTable) -> Target? {
        guard let entry = table[name] else { return nil }
        return Target(
            exposed: entry.exposed, original: entry.original, upstream: upstreams[entry.upstream],
            position: entry.upstream, item: entry.item, parameterHeaders: entry.parameterHeaders)
    }

    /// The resource that a client named, listed or not; nil for one that may not be read here.
    func target(uri: String) -> Target? {
        guard let found = resourceNames.resolve(uri), upstreams.indices.contains(found.upstream) else { return nil }
        let exposed = resourceNames.exposed(found.original, of: found.upstream)
        guard resourceFilter.offers(found.original, exposed),
            upstreamFilters[found.upstream].offers(found.original)
        else { return nil }
        return Target(
            exposed: exposed, original: found.original, upstream: upstreams[found.upstream],
            position: found.upstream, item: nil)
    }

    /// The elements of a list.
    ///
    /// - Parameter era: How the client speaks.
    func items(_ kind: ListKind, for era: ProtocolEra = .modern) -> [ValueObject] {
        switch kind {
        case .tools:
            era == .modern
                ? tools.entries.map(\.item) : tools.entries.map { ResultTranslation.handshake(tool: $0.item) }
        case .prompts: prompts.entries.map(\.item)
        case .resources: resources
        case .templates: templates
        }
    }

    /// Whether a list is other than another's.
    func differs(from other: ServerView, in kind: ListKind) -> Bool { items(kind) != other.items(kind) }

    /// Whether some upstream has a capability, or may have it once it is there.
    func can(_ capability: String) -> Bool {
        catalogs.contains { $0?.can(capability) ?? true }
    }

    /// The upstream that a name begins with, if nobody knows yet what it offers: it may turn out to have the name.
    func unknownUpstream(for name: String) -> Upstream? {
        zip(upstreams, catalogs).first { upstream, catalog in
            catalog == nil
                && (upstream.settings.prefix.isEmpty || name.utf8.starts(with: "\(upstream.label.prefix)-".utf8))
        }?.0
    }
}

extension ServerView: PipelineSubjects {
    func otherNames(of subject: String, at hook: HookName) -> [String] {
        let target: Target?
        switch hook {
        case .toolPreInvoke, .toolPostInvoke: target = self.target(named: subject, in: tools)
        case .promptPreFetch, .promptPostFetch: target = self.target(named: subject, in: prompts)
        case .resourcePreFetch, .resourcePostFetch: target = self.target(uri: subject)
        default: target = nil
        }
        guard let target, !target.original.hasSameBytes(as: subject) else { return [] }
        return [target.original]
    }
}
