// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Values

/// Which clients want to hear of which resources of an upstream, over the session that they share.
final class SharedSubscriptions: Sendable {
    private let sessions = Mutex<[ByteKey: [ObjectIdentifier: ClientSession]]>([:])

    /// Notes a client; true if it is the first for this resource.
    func add(_ session: ClientSession, _ uri: String) -> Bool {
        sessions.withLock { sessions in
            let isFirst = sessions[ByteKey(uri)] == nil
            sessions[ByteKey(uri), default: [:]][ObjectIdentifier(session)] = session
            return isFirst
        }
    }

    /// Forgets a client; true if it was the last for this resource.
    func remove(_ session: ClientSession, _ uri: String) -> Bool {
        sessions.withLock { sessions in
            guard sessions[ByteKey(uri)]?.removeValue(forKey: ObjectIdentifier(session)) != nil,
                sessions[ByteKey(uri)]?.isEmpty == true
            else { return false }
            sessions[ByteKey(uri)] = nil
            return true
        }
    }

    /// Forgets a client altogether.
    ///
    /// - Returns: The resources that nobody wants to hear of any more.
    func removeAll(of session: ClientSession) -> [String] {
        sessions.withLock { sessions in
            var unwanted: [String] = []
            for key in sessions.keys where sessions[key]?.removeValue(forKey: ObjectIdentifier(session)) != nil {
                guard sessions[key]?.isEmpty == true else { continue }
                sessions[key] = nil
                unwanted.append(key.text)
            }
            return unwanted
        }
    }

    /// The clients that want to hear of a resource.
    func sessions(for uri: String) -> [ClientSession] {
        sessions.withLock { Array($0[ByteKey(uri)]?.values ?? [:].values) }
    }

    /// All resources that somebody wants to hear of.
    var uris: [String] { sessions.withLock { $0.keys.map(\.text) } }
}
