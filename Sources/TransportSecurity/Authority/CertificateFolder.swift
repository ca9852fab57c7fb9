// SPDX-License-Identifier: Apache-2.0

/// The certificates of an installation in the files where ContextForge's make targets put them.
///
/// `ca/{ca.key,ca.crt}`, `gateway/{client.key,client.crt,ca.crt}`, `plugins/NAME/{server.key,server.crt,ca.crt}`. Keys have the mode
/// 0600, certificates 0644. What is there is not written over, unless it is asked for, and then a copy is kept.
package struct CertificateFolder: Sendable {
    /// How long certificates are valid unless something else is asked for: ContextForge's 825 days.
    package static let days = 825

    /// The folder, `certs/mcp` as a rule.
    package let path: String

    /// Makes a description of a folder, which need not exist.
    package init(_ path: String) { self.path = path }

    /// Who a certificate is for.
    package enum Holder: Sendable, Equatable {
        /// The gateway, which connects to plugin servers.
        case gateway
        /// The server of a plugin.
        case plugin(String)
    }

    /// How certificates are to be made.
    package struct Options: Sendable {
        /// How long they are valid.
        package var days = CertificateFolder.days
        /// How their keys are made.
        package var key = CertificateKeyKind.p256
        /// Alternative names beside the usual ones.
        package var names: [CertificateName] = []
        /// Whether what is there is replaced, with a copy kept beside it.
        package var replaces = false

        /// Makes options with the defaults.
        package init() {}
    }

    /// What became of one pair of files.
    package struct Outcome: Sendable, Equatable {
        /// The certificate's file.
        package let file: String
        /// Whether it was made; false when it was there already.
        package let isMade: Bool
    }

    var authorityCertificate: String { "\(path)/ca/ca.crt" }
    var authorityKey: String { "\(path)/ca/ca.key" }

    func folder(of holder: Holder) -> String {
        switch holder {
        case .gateway: "\(path)/gateway"
        case .plugin(let name): "\(path)/plugins/\(name)"
        }
    }

    /// The names of a holder's certificate and key.
    func files(of holder: Holder) -> (certificate: String, key: String, authority: String) {
        let folder = folder(of: holder)
        let base =
            switch holder {
            case .gateway: "client"
            case .plugin: "server"
            }
        return ("\(folder)/\(base).crt", "\(folder)/\(base).key", "\(folder)/ca.crt")
    }

    /// Makes the authority that issues all others.
    ///
    /// - Throws: ``CertificateError`` when files cannot be read or written.
    package func makeAuthority(_ options: Options) throws -> Outcome {
        let files = (authorityCertificate, authorityKey)
        guard try isToBeMade(files, options) else { return Outcome(file: files.0, isMade: false) }
        let authority = try CertificateAuthority.make(
            commonName: "MCP Certificate Authority", days: options.days, key: options.key)
        try write(try authority.pair, certificate: files.0, key: files.1, options)
        return Outcome(file: files.0, isMade: true)
    }

    /// Makes a holder's certificate, and the authority if there is none.
    ///
    /// - Throws: ``CertificateError`` when the name is none, or files cannot be read or written.
    package func make(_ holder: Holder, _ options: Options) throws -> [Outcome] {
        let order = try order(for: holder, options)
        var authorityOptions = options
        authorityOptions.replaces = false
        var outcomes: [Outcome] = []
        let authority = try makeAuthority(authorityOptions)
        if authority.isMade { outcomes.append(authority) }
        let files = files(of: holder)
        guard try isToBeMade((files.certificate, files.key), options) else {
            return outcomes + [Outcome(file: files.certificate, isMade: false)]
        }
        try write(
            try loadAuthority().issue(order), certificate: files.certificate, key: files.key, options)
        try CertificateWriter.write(
            CertificateWriter.read(authorityCertificate), to: files.authority, mode: 0o644, replaces: true,
            keepsCopy: false)
        return outcomes + [Outcome(file: files.certificate, isMade: true)]
    }

    func loadAuthority() throws(CertificateError) -> CertificateAuthority {
        do throws(CertificateError) {
            return try CertificateAuthority(
                certificate: CertificateWriter.read(authorityCertificate), key: CertificateWriter.read(authorityKey))
        } catch {
            throw CertificateError("\(path)/ca: \(error.message)")
        }
    }

    private func order(for holder: Holder, _ options: Options) throws(CertificateError) -> CertificateOrder {
        var order: CertificateOrder
        switch holder {
        case .gateway:
            order = CertificateOrder(commonName: "mcp-gateway", days: options.days)
            order.isForClients = true
            order.names = [.dns("mcp-gateway")]
        case .plugin(let name):
            try Self.check(plugin: name)
            order = CertificateOrder(commonName: "mcp-plugin-\(name)", days: options.days)
            order.isForServers = true
            order.names = [
                .dns(name), .dns("mcp-plugin-\(name)"), .dns("localhost"), .address("127.0.0.1"), .address("::1"),
            ]
        }
        order.key = options.key
        for name in options.names where !order.names.contains(name) { order.names.append(name) }
        return order
    }

    /// A plugin's name becomes a folder and a DNS name.
    package static func check(plugin name: String) throws(CertificateError) {
        let isGood =
            (1...52).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: "-")
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
        guard isGood else {
            throw CertificateError(
                "the plugin's name \"\(name)\" cannot be the name of a host and a folder; "
                    + "give one of at most 52 letters, digits, - and _")
        }
    }

    /// Whether a pair is missing, or is to be replaced; half a pair is an error.
    private func isToBeMade(_ files: (certificate: String, key: String), _ options: Options) throws -> Bool {
        let there = (CertificateWriter.exists(files.certificate), CertificateWriter.exists(files.key))
        switch there {
        case (false, false): return true
        case (true, true): return options.replaces
        default:
            if options.replaces { return true }
            let missing = there.0 ? files.key : files.certificate
            let present = there.0 ? files.certificate : files.key
            throw CertificateError(
                "\"\(missing)\" is missing beside \"\(present)\"; bring it back, or make both anew with --force")
        }
    }

    /// Writes a pair: the key first, so that a server that is looking finds no certificate without its key.
    func write(
        _ pair: CertificateAuthority.Pair, certificate: String, key: String, _ options: Options
    ) throws(CertificateError) {
        try CertificateWriter.write(
            pair.key, to: key, mode: 0o600, replaces: options.replaces, keepsCopy: options.replaces)
        try CertificateWriter.write(
            pair.certificate, to: certificate, mode: 0o644, replaces: options.replaces, keepsCopy: options.replaces)
    }
}
