// SPDX-License-Identifier: Apache-2.0

import Values

// Where URIs stand in what upstreams say. Everything else goes through untouched.
extension ResourceNames {
    /// A block of content: `resource_link` has a URI, `resource` has one in what it embeds.
    func exposing(block: Value, of upstream: Int) -> Value {
        guard case .object(var object) = block else { return block }
        switch object["type"]?.stringValue {
        case "resource_link":
            expose("uri", in: &object, of: upstream)
        case "resource":
            guard case .object(var resource)? = object["resource"] else { return block }
            expose("uri", in: &resource, of: upstream)
            object["resource"] = .object(resource)
        default:
            return block
        }
        return .object(object)
    }

    /// A member that holds blocks of content: one, or a list of them.
    func exposing(content key: String, in object: inout ValueObject, of upstream: Int) {
        switch object[key] {
        case .array(let blocks)?:
            object[key] = .array(blocks.map { exposing(block: $0, of: upstream) })
        case .object?:
            object[key] = object[key].map { exposing(block: $0, of: upstream) }
        default:
            break
        }
    }

    /// The result of a call of a tool.
    func exposing(toolResult result: Value, of upstream: Int) -> Value {
        guard !isUnchanged, case .object(var object) = result else { return result }
        exposing(content: "content", in: &object, of: upstream)
        return .object(object)
    }

    /// A rendered prompt.
    func exposing(prompt result: Value, of upstream: Int) -> Value {
        guard !isUnchanged, case .object(var object) = result, case .array(let messages)? = object["messages"] else {
            return result
        }
        object["messages"] = .array(
            messages.map { message in
                guard case .object(var message) = message else { return message }
                exposing(content: "content", in: &message, of: upstream)
                return .object(message)
            })
        return .object(object)
    }

    /// What was read of a resource.
    func exposing(contents result: Value, of upstream: Int) -> Value {
        guard !isUnchanged, case .object(var object) = result, case .array(let contents)? = object["contents"] else {
            return result
        }
        object["contents"] = .array(
            contents.map { content in
                guard case .object(var content) = content else { return content }
                expose("uri", in: &content, of: upstream)
                return .object(content)
            })
        return .object(object)
    }

    /// An element of a list of resources or templates.
    func exposing(listed item: ValueObject, key: String, of upstream: Int) -> ValueObject {
        var item = item
        expose(key, in: &item, of: upstream)
        return item
    }

    private func expose(_ key: String, in object: inout ValueObject, of upstream: Int) {
        guard case .string(let uri)? = object[key] else { return }
        object[key] = .string(exposed(uri, of: upstream))
    }
}
