// SPDX-License-Identifier: Apache-2.0

import ModelContextProtocol
import Synchronization
import Values

/// Sessions with upstreams that keep something for a session, for clients that have none: those of 2026-07-28.
///
/// Who a request comes from is all that tells such clients apart. So a session is used for requests of one principal alone, on one
/// virtual server, of clients that can do the same; where nobody has to say who they are, all are one. Requests of clients that
/// cannot be asked anything share one. Where the upstream could ask, each request has one for itself until it is answered, because
/// over some transports nothing tells for which of several requests it asks. A session that nobody used for some time is ended.
final class BorrowedLinks: Sendable {
    /// Whose a session is.
    struct Owner: Hashable, Sendable {
        /// Who, where, and what the clients can do.
        let key: ByteKey
        let features: ClientFeatures

        init(principal: String?, server: String?, features: ClientFeatures) {
            // Lengths in front, so that no text can reach into the next one.
            let texts = [principal.map { "p\($0)" } ?? "", server.map { "s\($0)" } ?? "", features.key]
            key = ByteKey(texts.map { "\($0.utf8.count):\($0)" }.joined())
            self.features = features
        }

        static func == (left: Owner, right: Owner) -> Bool { left.key == right.key }

        func hash(into hasher: inout Hasher) { key.hash(into: &hasher) }
    }

    private struct Place: Hashable {
        let upstream: ObjectIdentifier
        let owner: Owner
    }

    private struct Entry {
        let link: ClientLink
        var users: Int
        var since: ContinuousClock.Instant
    }

    /// How long a session is kept that nobody uses.
    static let idleTime = Duration.seconds(60)

    private let state = Mutex<(entries: [Place: [Entry]], isEnded: Bool)>(([:], false))

    /// How many sessions there are, whether somebody uses them or not.
    var count: Int { state.withLock { $0.entries.values.reduce(0) { $0 + $1.count } } }

    /// A session for a request; to be given back.
    ///
    /// - Returns: Nil when the gateway is to end.
    func take(_ upstream: Upstream, for owner: Owner) -> ClientLink? {
        let place = Place(upstream: ObjectIdentifier(upstream), owner: owner)
        return state.withLock { state in
            guard !state.isEnded else { return nil }
            var entries = state.entries[place] ?? []
            defer { state.entries[place] = entries }
            // The one used last, so that the others can end.
            if let position = entries.lastIndex(where: { $0.users == 0 || owner.features.isEmpty }) {
                entries[position].users += 1
                return entries[position].link
            }
            let link = ClientLink(upstream, features: owner.features)
            entries.append(Entry(link: link, users: 1, since: .now))
            return link
        }
    }

    /// Takes a session back.
    func giveBack(_ link: ClientLink, of owner: Owner) {
        let place = Place(upstream: ObjectIdentifier(link.upstream), owner: owner)
        state.withLock { state in
            guard let position = state.entries[place]?.firstIndex(where: { $0.link === link }) else { return }
            state.entries[place]?[position].users -= 1
            state.entries[place]?[position].since = .now
        }
    }

    /// Ends the sessions that nobody has used since some time; those of one upstream, or of all.
    func sweep(idleSince time: ContinuousClock.Instant) async {
        let idle = state.withLock { state in
            var idle: [ClientLink] = []
            for place in state.entries.keys {
                let entries = state.entries[place] ?? []
                idle += entries.filter { $0.users == 0 && $0.since <= time }.map(\.link)
                let rest = entries.filter { $0.users > 0 || $0.since > time }
                state.entries[place] = rest.isEmpty ? Optional<[Entry]>.none : rest
            }
            return idle
        }
        await Self.end(idle)
    }

    /// Ends all sessions, and gives out no more.
    func end() async {
        let links = state.withLock { state in
            state.isEnded = true
            defer { state.entries = [:] }
            return state.entries.values.flatMap { $0.map(\.link) }
        }
        await Self.end(links)
    }

    private static func end(_ links: [ClientLink]) async {
        await withTaskGroup(of: Void.self) { group in
            for link in links { group.addTask { await link.end() } }
        }
    }
}
