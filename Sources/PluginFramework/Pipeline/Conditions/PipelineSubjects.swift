// SPDX-License-Identifier: Apache-2.0

/// Knows by which further names conditions may mean what a payload is about.
///
/// A gateway calls tools by other names than the servers behind it do: a condition that names either means the tool.
package protocol PipelineSubjects: Sendable {
    /// Further names of what the payload of a hook names.
    func otherNames(of subject: String, at hook: HookName) -> [String]
}
