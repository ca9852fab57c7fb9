// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// Metrics in the text format of Prometheus (version 0.0.4), as they are added.
package struct PrometheusText: Sendable {
    /// What a metric's numbers mean.
    package enum Kind: String, Sendable {
        /// Only grows, and begins at 0 with the process.
        case counter
        /// Goes up and down.
        case gauge
    }

    /// One number of a metric, and what tells it from the others.
    package struct Sample: Sendable {
        let labels: [(name: String, value: String)]
        let value: Int

        /// Makes a sample.
        ///
        /// - Parameter labels: differ from those of the metric's other samples; values may be any text.
        package init(_ value: Int, _ labels: [(name: String, value: String)] = []) {
            self.labels = labels
            self.value = value
        }
    }

    /// All that was added.
    package private(set) var text = ""

    /// Begins without metrics.
    package init() {}

    /// Adds a metric; one without samples is left out.
    ///
    /// - Parameter help: what it counts, in one sentence without line breaks.
    package mutating func add(_ name: StaticString, _ kind: Kind, _ help: StaticString, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
            text += labels.isEmpty ? "\(name) \(sample.value)\n" : "\(name){\(labels)} \(sample.value)\n"
        }
    }

    /// Adds a metric of one number.
    package mutating func add(_ name: StaticString, _ kind: Kind, _ help: StaticString, _ value: Int) {
        add(name, kind, help, [Sample(value)])
    }

    /// The metrics as an answer.
    package var response: HTTPServerResponse {
        HTTPServerResponse(
            status: .ok, headers: ["content-type": "text/plain; version=0.0.4; charset=utf-8"],
            body: ByteBuffer(string: text))
    }

    /// The text as the value of a label.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += #"\\"#
            case "\"": escaped += #"\""#
            case "\n": escaped += #"\n"#
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
