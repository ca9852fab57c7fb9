// SPDX-License-Identifier: Apache-2.0

internal import CPCRE2

/// The machine code of one pattern.
///
/// `@unchecked Sendable`: the pointer is set once, nothing writes to what it points to after `init`, and PCRE2 lets
/// any number of threads match with one compiled pattern (pcre2api, "Multithreading").
final class CompiledPattern: @unchecked Sendable {
    let code: OpaquePointer
    /// How many offset pairs a match needs: one for the whole and one for each group.
    let pairCount: Int

    /// - Parameters:
    ///   - translation: what to compile.
    ///   - source: the pattern as the user wrote it, for the error.
    init(_ translation: PatternTranslation, source: String) throws(PatternError) {
        guard let context = pcre2_compile_context_create_8(nil) else {
            throw PatternError(.engine, "no memory to compile it; give the process more", pattern: source)
        }
        defer { pcre2_compile_context_free_8(context) }
        pcre2_set_newline_8(context, PCRE2.newlineLF)

        var failure: Int32 = 0
        var offset = 0
        // Swift strings are valid UTF-8, so neither the pattern nor a text is checked again.
        let options =
            PCRE2.utf | PCRE2.ucp | PCRE2.noUTFCheck | PCRE2.altCircumflex | PCRE2.neverBackslashC
            | PCRE2.useOffsetLimit
        let compiled = translation.bytes.withUnsafeBufferPointer {
            pcre2_compile_8($0.baseAddress, $0.count, options, &failure, &offset, context)
        }
        guard let compiled else {
            throw PatternError(
                .unsupported, "\(PCRE2.message(failure)); simplify the pattern", pattern: source)
        }
        code = compiled
        pairCount = translation.groupCount + 1
        // Where no executable memory is to be had the interpreter does the same work, slower.
        pcre2_jit_compile_8(compiled, PCRE2.jitComplete)
    }

    deinit { pcre2_code_free_8(code) }
}
