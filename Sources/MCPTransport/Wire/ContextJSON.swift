// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Values

/// A context as ContextForge writes it in JSON, checked when it is made, decoded when a plugin looks.
struct ContextJSON: EncodedContext {
    private let json: EncodedJSON
    private let global: EncodedJSON

    /// Checks the types of everything that is read later.
    init(checking json: EncodedJSON) throws(WireJSONError) {
        _ = try json.member("state", .object)
        _ = try json.member("metadata", .object)
        guard let global = try json.member("global_context", .object) else {
            throw WireJSONError("is required and must be an object", path: ["global_context"])
        }
        do throws(WireJSONError) {
            guard try global.member("request_id", .string) != nil else {
                throw WireJSONError("is required and must be a string", path: ["request_id"])
            }
            _ = try global.member("user", .string, .object)
            for key in ["user_context", "state", "metadata"] { _ = try global.member(key, .object) }
            for key in ["tenant_id", "server_id", "content_type"] { _ = try global.member(key, .string) }
        } catch {
            throw error.inside("global_context")
        }
        self.json = json
        self.global = global
    }

    func decode() -> ContextValues { decode(keeping: nil) }

    /// The values; what the sender has no member for is as it was sent to it.
    func decode(keeping sent: GlobalContext?) -> ContextValues {
        var context = GlobalContext(requestID: global.member("request_id")?.stringValue ?? "")
        context.user = global.present("user")
        context.tenantID = global.present("tenant_id")?.stringValue
        context.serverID = global.present("server_id")?.stringValue
        context.state = global.member("state")?.objectValue ?? [:]
        context.metadata = global.member("metadata")?.objectValue ?? [:]
        context.userContext =
            global.encodedMember("user_context").map { $0.decode().objectValue } ?? sent?.userContext
        context.contentType =
            global.encodedMember("content_type").map { $0.decode().stringValue } ?? sent?.contentType
        return ContextValues(
            global: context, state: json.member("state")?.objectValue ?? [:],
            metadata: json.member("metadata")?.objectValue ?? [:])
    }

    /// Writes a context.
    static func write(_ context: ContextValues, to writer: inout JSONWriter) {
        writer.raw(#"{"state":"#)
        writer.write(.object(context.state))
        writer.raw(#","metadata":"#)
        writer.write(.object(context.metadata))
        writer.raw(#","global_context":{"request_id":"#)
        writer.write(context.global.requestID)
        writer.raw(#","user":"#)
        writer.write(context.global.user ?? .null)
        writer.raw(#","tenant_id":"#)
        writer.write(text(context.global.tenantID))
        writer.raw(#","server_id":"#)
        writer.write(text(context.global.serverID))
        writer.raw(#","user_context":"#)
        writer.write(context.global.userContext.map { .object($0) } ?? .null)
        writer.raw(#","content_type":"#)
        writer.write(text(context.global.contentType))
        writer.raw(#","state":"#)
        writer.write(.object(context.global.state))
        writer.raw(#","metadata":"#)
        writer.write(.object(context.global.metadata))
        writer.raw("}}")
    }

    private static func text(_ text: String?) -> Value { text.map { .string($0) } ?? .null }
}

extension EncodedJSON {
    /// The member, if it is there and not null.
    fileprivate func present(_ key: String) -> Value? {
        guard let value = member(key), !value.isNull else { return nil }
        return value
    }
}
