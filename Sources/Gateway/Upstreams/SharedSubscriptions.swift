// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Values

/// Somebody who wants to hear of changes: a client's session, or a stream of notifications.
protocol ChangeListener: AnyObject, Sendable {
    /// A list of the virtual server is other than before.
    func listChanged(_ method: String)

    /// A resource of an upstream is other than before.
    ///
    /// - Parameter uri: The upstream's URI of it.
    func resourceUpdated(_ uri: String, of upstream: Upstream)
}

/// Which clients want to hear of which resources of an upstream, over the session that they share.
final class SharedSubscriptions: Sendable {
    private let sessions = Mutex<[ByteKey: [ObjectIdentifier: any ChangeListener]]>([:])

    /// Notes a client; true if it is the first for this resource.
    func add(_ session: any ChangeListener, _ uri: String) -> Bool {
        sessions.withLock { sessions in
            let isFirst = sessions[ByteKey(uri)] == nil
            sessions[ByteKey(uri), default: [:]][ObjectIdentifier(session)] = session
            return isFirst
        }
    }

    /// Forgets a client; true if it was the last for this resource.
    func remove(_ session: any ChangeListener, _ uri: String) -> Bool {
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
    func removeAll(of session: any ChangeListener) -> [String] {
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
    func sessions(for uri: String) -> [any ChangeListener] {
        sessions.withLock { Array($0[ByteKey(uri)]?.values ?? [:].values) }
    }

    /// All resources that somebody wants to hear of.
    var uris: [String] { sessions.withLock { $0.keys.map(\.text) } }
}
