// SPDX-License-Identifier: Apache-2.0

package import HTTP

extension PrometheusText {
    /// Adds when each certificate in use expires: as Unix time, which alerts subtract `time()` from, and in days.
    ///
    /// Of several in one file that have the same subject, the one that expires first counts.
    package mutating func add(_ certificates: [CertificateExpiry], now: CertificateTime = .now) {
        var first: [[String]: CertificateTime] = [:]
        for certificate in certificates {
            let key = [certificate.place, certificate.file, certificate.subject]
            first[key] = min(first[key] ?? certificate.notAfter, certificate.notAfter)
        }
        let rows = first.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        func samples(_ value: (CertificateTime) -> Int) -> [Sample] {
            rows.map { key, notAfter in
                Sample(value(notAfter), [("place", key[0]), ("file", key[1]), ("subject", key[2])])
            }
        }
        add(
            "gatehouse_tls_certificate_not_after_seconds", .gauge,
            "When a certificate in use expires, in seconds since 1970-01-01 UTC.", samples(\.seconds))
        add(
            "gatehouse_tls_certificate_days_left", .gauge,
            "Whole days until a certificate in use expires; below 0 once it has.", samples { $0.days(from: now) })
    }
}
