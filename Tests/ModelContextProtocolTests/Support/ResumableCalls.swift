// SPDX-License-Identifier: Apache-2.0

import Testing

/// Calls whose streams break.
enum ResumableCalls {
    static func steps(_ id: Int, _ parameters: String = "") -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"steps","params":{"name":\#(id)\#(parameters)}}"#
    }

    /// Begins a call of `steps`, and breaks its connection after the first one.
    ///
    /// - Returns: the last id that came.
    static func broken(
        _ server: HTTPTestServer, _ session: String, _ body: String
    ) async throws -> String {
        let reader = try await EventReader.post(server, session, body)
        try await eventually { reader.values.count == 1 }
        reader.cut()
        try await eventually { reader.hasEnded }
        return try #require(reader.ids.last)
    }
}
