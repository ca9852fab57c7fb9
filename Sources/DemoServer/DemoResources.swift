// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Values

/// The resources and their template.
enum DemoResources {
    static let readme = "demo://readme"
    static let logo = "demo://logo"
    static let template = "demo://notes/{name}"
    static let notes = ["shopping", "travel"]
    private static let notePrefix = "demo://notes/"

    private static let texts = [
        "shopping": "Milk, bread, and a gateway.", "travel": "Pack light, and mind the policies.",
    ]

    static func list(_ params: Document) throws(JSONRPCError) -> Document {
        try DemoPage.of(
            [
                [
                    "uri": .string(readme), "name": "readme", "title": "Read me", "mimeType": "text/plain",
                    "description": "What this server is.",
                ],
                ["uri": .string(logo), "name": "logo", "mimeType": "image/png", "description": "A picture."],
            ], named: "resources", params)
    }

    static func templates(_ params: Document) throws(JSONRPCError) -> Document {
        try DemoPage.of(
            [
                [
                    "uriTemplate": .string(template), "name": "note", "mimeType": "text/plain",
                    "description": "A note: shopping or travel.",
                ]
            ], named: "resourceTemplates", params)
    }

    static func read(_ params: Document) throws(JSONRPCError) -> Document {
        let uri = try uri(of: params)
        guard let contents = contents(of: uri) else { throw unknown(uri) }
        return Document(object: ["contents": [contents]])
    }

    static func uri(of params: Document) throws(JSONRPCError) -> String {
        guard let uri = params["uri"]?.stringValue else { throw .invalidParams("uri, the resource, is missing") }
        return uri
    }

    static func exists(_ uri: String) -> Bool { contents(of: uri) != nil }

    static func unknown(_ uri: String) -> JSONRPCError {
        JSONRPCError(
            code: JSONRPCError.resourceNotFoundCode, message: "Resource not found: \(uri)",
            data: ["uri": .string(uri)])
    }

    static func contents(of uri: String) -> Value? {
        if uri.hasSameBytes(as: readme) {
            return [
                "uri": .string(uri), "mimeType": "text/plain",
                "text": "This is the demo server of Gatehouse. Its tools do nothing of use.",
            ]
        }
        if uri.hasSameBytes(as: logo) {
            return ["uri": .string(uri), "mimeType": "image/png", "blob": .string(DemoContent.picture)]
        }
        guard uri.hasPrefix(notePrefix), let text = texts[String(uri.dropFirst(notePrefix.count))] else { return nil }
        return ["uri": .string(uri), "mimeType": "text/plain", "text": .string(text)]
    }
}
