// SPDX-License-Identifier: Apache-2.0

/// One rule of `SecurityFilterPlugin`.
protocol SecurityRule: Sendable {
    /// The rule's name: its switch under `rules`, and what a violation says.
    static var name: String { get }

    /// What the caller can do about a finding.
    static var advice: String { get }

    /// What is wrong with a text, in a few words without the text itself; nil when nothing is.
    func finding(in text: SecurityText, budget: inout MatchBudget) throws(PatternError) -> String?
}
