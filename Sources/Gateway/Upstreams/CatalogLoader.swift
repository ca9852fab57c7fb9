// SPDX-License-Identifier: Apache-2.0

import Logging
import ModelContextProtocol
import PluginFramework
import Values

/// Fetches what an upstream offers, page after page.
///
/// Nothing in it is trusted: not that it ends, not that names are names.
struct CatalogLoader: Sendable {
    /// More pages than this of one list are an endless one.
    private static let maximumPages = 10_000

    let client: MCPClient
    let upstream: UpstreamSettings
    let limits: GatewayLimits
    let logger: Logger

    /// Fetches all lists that the upstream announced.
    func load() async throws(MCPClientError) -> Catalog {
        var catalog = Catalog()
        catalog.capabilities = client.server.capabilities
        catalog.instructions = client.server.instructions
        if catalog.can("tools") {
            let filter = NameFilter(allow: upstream.allow.tools, deny: upstream.deny.tools)
            catalog.tools = try await items(.tools, filter).compactMap { name, item in
                guard mayBeCalled(name, item) else { return nil }
                return Catalog.Named(name: name, item: Self.withoutTasks(item))
            }
        }
        if catalog.can("prompts") {
            let filter = NameFilter(allow: upstream.allow.prompts, deny: upstream.deny.prompts)
            catalog.prompts = try await items(.prompts, filter).map { Catalog.Named(name: $0, item: $1) }
        }
        if catalog.can("resources") {
            let filter = NameFilter(allow: upstream.allow.resources, deny: upstream.deny.resources)
            catalog.resources = try await items(.resources, filter).map(\.item)
            catalog.templates = try await items(.templates, filter).map(\.item)
        }
        return catalog
    }

    private func items(
        _ kind: ListKind, _ filter: NameFilter
    ) async throws(MCPClientError) -> [(name: String, item: ValueObject)] {
        var items: [(name: String, item: ValueObject)] = []
        var names: Set<ByteKey> = []
        var cursors: Set<ByteKey> = []
        var cursor: Value?
        for _ in 0..<Self.maximumPages {
            guard let page = try await page(kind, cursor) else { return items }
            for element in page[kind.member]?.arrayValue ?? [] {
                guard case .object(let item) = element, let name = item[kind.key]?.stringValue, !name.isEmpty else {
                    complain("an element without \(kind.key)", kind)
                    continue
                }
                guard filter.offers(name) else { continue }
                guard names.insert(ByteKey(name)).inserted else {
                    complain("\"\(name.prefix(100))\" twice; the second is left out", kind)
                    continue
                }
                items.append((name, item))
                guard items.count < limits.maximumListed else {
                    complain("more than limits.max_listed (\(limits.maximumListed)); the rest is left out", kind)
                    return items
                }
            }
            guard case .string(let next)? = page["nextCursor"] else { return items }
            guard cursors.insert(ByteKey(next)).inserted else {
                complain("the same cursor twice; the list ends there", kind)
                return items
            }
            cursor = .string(next)
        }
        complain("more than \(Self.maximumPages) pages; the rest is left out", kind)
        return items
    }

    /// One page; nil when the upstream has no such list.
    private func page(_ kind: ListKind, _ cursor: Value?) async throws(MCPClientError) -> Document? {
        var options = MCPRequestOptions(timeout: upstream.timeout)
        options.progressTimeout = nil
        let params = cursor.map { Document(object: ["cursor": $0]) }
        do throws(MCPClientError) {
            return try await client.request(kind.method, params, options: options)
        } catch .rpc(let error) where error.code == JSONRPCError.methodNotFoundCode {
            return nil
        } catch .rpc(let error) {
            complain("an error: \(error)", kind)
            return nil
        }
    }

    /// A tool whose headers nobody could make is not to be called (MCP 2026-07-28, Transports, Custom headers).
    private func mayBeCalled(_ name: String, _ item: ValueObject) -> Bool {
        guard client.isModern, let schema = item["inputSchema"] else { return true }
        do throws(MCPParameterHeaderError) {
            _ = try MCPParameterHeaders(inputSchema: Document(schema))
            return true
        } catch {
            complain(
                "the tool \"\(name.prefix(100))\", whose x-mcp-header cannot be followed: \(error); it is left out",
                .tools)
            return false
        }
    }

    private func complain(_ what: String, _ kind: ListKind) {
        logger.warning(
            "MCP server lists \(kind.rawValue) with a fault",
            metadata: ["server": "\(upstream.name)", "method": "\(kind.method)", "fault": "\(what)"])
    }

    /// The gateway has no tasks, so no tool of it can be run as one (MCP 2025-11-25, Tasks).
    private static func withoutTasks(_ item: ValueObject) -> ValueObject {
        guard case .object(var execution)? = item["execution"], execution.contains("taskSupport") else { return item }
        var item = item
        execution["taskSupport"] = nil
        item["execution"] = execution.isEmpty ? nil : .object(execution)
        return item
    }
}
