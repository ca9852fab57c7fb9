// SPDX-License-Identifier: Apache-2.0

/// The bounds that every decoder of values keeps.
public enum ValueLimits {
    /// How many objects and arrays may lie inside one another, the outermost counted as 1.
    ///
    /// Above it a document is refused: recursion over hostile nesting would end the process.
    public static let maximumNesting = 100

    /// Doubles up to this magnitude, 2^53, name each whole number exactly (IEEE 754 binary64).
    public static let exactInteger: Double = 9_007_199_254_740_992
}
