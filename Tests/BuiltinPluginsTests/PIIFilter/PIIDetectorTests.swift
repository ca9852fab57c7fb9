// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import BuiltinPlugins

/// Tables: what each detector finds, alone, and what looks like it and is not.
struct PIIDetectorTests {
    private func found(_ text: String, _ types: Set<PIIType>, key: String? = nil) throws -> [String] {
        var budget = MatchBudget()
        let detector = PIIDetector(types: types, strategy: .redact)
        return try detector.findings(in: text, key: key, budget: &budget).map { finding in
            String(decoding: Array(text.utf8)[finding.range], as: UTF8.self)
        }
    }

    static let positives: [(PIIType, String, String)] = [
        (.ssn, "SSN 123-45-6789.", "123-45-6789"),
        (.ssn, "123 45 6789", "123 45 6789"),
        (.ssn, "ssn: 123456789", "123456789"),
        (.ssn, "Social Security Number is 123.45.6789", "123.45.6789"),
        (.ssn, "{\"ssn\":\"123456789\"}", "123456789"),
        (.ssn, "\u{FF11}\u{FF12}\u{FF13}-45-6789", "\u{FF11}\u{FF12}\u{FF13}-45-6789"),
        (.ssn, "123\u{2011}45\u{2011}6789", "123\u{2011}45\u{2011}6789"),
        (.ssn, "12\u{200B}3-45-6789", "12\u{200B}3-45-6789"),
        (.ssn, "电话123-45-6789号", "123-45-6789"),
        (.bsn, "My BSN is 123456782", "123456782"),
        (.bsn, "Burgerservicenummer: 123.456.782", "123.456.782"),
        (.creditCard, "4111 1111 1111 1111", "4111 1111 1111 1111"),
        (.creditCard, "x 4111111111111111 y", "4111111111111111"),
        (.creditCard, "4111-1111-1111-1111-2222", "4111-1111-1111-1111-2222"),
        (.creditCard, "378282246310005", "378282246310005"),
        (.creditCard, "3782 822463 10005", "3782 822463 10005"),
        (.creditCard, "5555555555554444", "5555555555554444"),
        (.creditCard, "2223003122003222", "2223003122003222"),
        (.creditCard, "6011 1111 1111 1117", "6011 1111 1111 1117"),
        (.creditCard, "30569309025904", "30569309025904"),
        (.creditCard, "3530111333300000", "3530111333300000"),
        (.creditCard, "6200000000000005", "6200000000000005"),
        (.email, "mail a.b+c@example.com, please", "a.b+c@example.com"),
        (.email, "A@B.COM.", "A@B.COM"),
        (.email, "<o'neil@mail.example.co.uk>", "o'neil@mail.example.co.uk"),
        (.email, "jörg@bücher.example", "jörg@bücher.example"),
        (.email, "x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        (.email, "x\u{FF20}example.com", "x\u{FF20}example.com"),
        (.phone, "call 555-123-4567!", "555-123-4567"),
        (.phone, "(555) 123-4567", "(555) 123-4567"),
        (.phone, "1 555 123 4567", "1 555 123 4567"),
        (.phone, "1-(555)-123-4567", "1-(555)-123-4567"),
        (.phone, "+1 (555) 123-4567", "+1 (555) 123-4567"),
        (.phone, "555.123.4567", "555.123.4567"),
        (.phone, "5551234567", "5551234567"),
        (.phone, "15551234567", "15551234567"),
        (.phone, "+442079460958", "+442079460958"),
        (.phone, "+44 20 7946 0958", "+44 20 7946 0958"),
        (.phone, "tel:+49 (0)30 123456", "+49 (0)30 123456"),
        (.ipAddress, "from 10.1.2.3:80", "10.1.2.3"),
        (.ipAddress, "http://192.168.1.1/x", "192.168.1.1"),
        (.ipAddress, "[2001:0db8:85a3:0000:0000:8a2e:0370:7334]", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
        (.ipAddress, "at 2001:db8::1.", "2001:db8::1"),
        (.ipAddress, "at fe80::1%eth0", "fe80::1"),
        (.ipAddress, "::1", "::1"),
        (.ipAddress, "::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        (.dateOfBirth, "DOB: 01/15/1990", "01/15/1990"),
        (.dateOfBirth, "01-15-1990", "01-15-1990"),
        (.dateOfBirth, "born on 15.1.90", "15.1.90"),
        (.dateOfBirth, "date_of_birth=1990-01-15", "1990-01-15"),
        (.dateOfBirth, "Birthday: January 15th, 1990", "January 15th, 1990"),
        (.dateOfBirth, "Date of Birth: 15 Jan 1990", "15 Jan 1990"),
        (.passport, "Passport No: AB123456", "AB123456"),
        (.passport, "passport number 123456789", "123456789"),
        (.driverLicense, "Driver's License: D1234567", "D1234567"),
        (.driverLicense, "DL# F255-9215-0094", "F255-9215-0094"),
        (.driverLicense, "driving licence no. MORGA657054SM9IJ", "MORGA657054SM9IJ"),
        (.bankAccount, "account number: 12345678901", "12345678901"),
        (.bankAccount, "Acct 12345678", "12345678"),
        (.bankAccount, "{\"accountNumber\": \"1234-5678\"}", "1234-5678"),
        (.bankAccount, "DE89370400440532013000", "DE89370400440532013000"),
        (.bankAccount, "IBAN: GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 32"),
        (.bankAccount, "NO9386011117947", "NO9386011117947"),
        (.medicalRecord, "MRN: ABC12345", "ABC12345"),
        (.medicalRecord, "Medical Record Number 00123456", "00123456"),
        (.awsKey, "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        (.awsKey, "key=ASIAIOSFODNN7EXAMPLE;", "ASIAIOSFODNN7EXAMPLE"),
        (.awsKey, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        (
            .awsKey, "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        ),
        (.apiKey, "api_key: abcdefghij-klmnop_qrstuvwxyz", "abcdefghij-klmnop_qrstuvwxyz"),
        (.apiKey, "my_apikey='abcdefghijklmnopqrstuvwxyz'", "abcdefghijklmnopqrstuvwxyz"),
        (.apiKey, "\"access-token\": \"abcdefghijklmnopqrst\"", "abcdefghijklmnopqrst"),
        (.bankAccount, "account 1234 5678 9012 3456 7890", "1234 5678 9012 3456 7890"),
        (.bankAccount, "account 123456789012345678901234", "123456789012345678901234"),
        (.phone, "call 1-800-555-1234-5678", "1-800-555-1234-5678"),
        (.phone, "call 555-123-4567 2 times", "555-123-4567"),
        (.ssn, "SSN: 123-45-6789-0123", "123-45-6789-0123"),
        (.passport, "passport AB123456789012345", "AB123456789012345"),
        (.medicalRecord, "MRN: 12345-67890-12345", "12345-67890-12345"),
        (.awsKey, "AWS_SECRET=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        (.awsKey, "secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        (
            .awsKey, "AWS_SECRET_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYa",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYa"
        ),
        (
            .awsKey, "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYZz9",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYZz9"
        ),
        (.apiKey, "API key sk-a1b2c3d4e5f6g7h8i9j0", "sk-a1b2c3d4e5f6g7h8i9j0"),
    ]

    /// Other spellings of the same number, invisible characters in it, and other signs between its groups.
    @Test(arguments: [
        (PIIType.ssn, "123\u{34F}-45-6789"), (.ssn, "12\u{61C}3-45-6789"), (.ssn, "123-\u{2065}45-6789"),
        (.ssn, "123-4\u{3164}5-6789"), (.ssn, "123-45\u{E0020}-6789"), (.ssn, "¹²³-⁴⁵-⁶⁷⁸⁹"),
        (.ssn, "①②③-④⑤-⑥⑦⑧⑨"), (.ssn, "⑫3-45-6789"), (.ssn, "123-45-67❽➈"), (.ssn, "₁₂₃·45·6789"),
        (.ssn, "123\u{2043}45\u{2043}6789"), (.email, "x\u{FE6B}example.com"), (.email, "ⓧ@ⓔxample.com"),
        (.email, "𝐱@example.com"), (.creditCard, "4111\t1111\t1111\t1111"), (.creditCard, "4111  1111  1111  1111"),
        (.creditCard, "4111/1111/1111/1111"), (.creditCard, "4111_1111_1111_1111"),
        (.creditCard, "4111,1111,1111,1111"), (.creditCard, "4111 1111 1111 111①"),
    ])
    func disguisedValueIsFoundWhole(type: PIIType, value: String) throws {
        #expect(try found("id \(value).", [type]) == [value])
    }

    /// However long a value is, no end of it stays.
    @Test(arguments: [
        (PIIType.apiKey, "api_key: ", "aB3-"), (.awsKey, "aws_secret_access_key=", "aB3/"),
        (.bankAccount, "account ", "1234"),
        (.bankAccount, "account ", "1-"), (.passport, "passport ", "A1"), (.medicalRecord, "MRN ", "12-"),
    ])
    func valueIsMaskedToItsEnd(type: PIIType, label: String, unit: String) throws {
        for count in [20, 128, 129, 200, 3_000] {
            let value = String(repeating: unit, count: count) + "9"
            #expect(try found(label + value + " and more", [type]) == [value])
        }
    }

    @Test(arguments: positives)
    func findsValue(type: PIIType, text: String, value: String) throws {
        let found = try found(text, [type])
        #expect(found == [value], "\(type) in \(text)")
    }

    static let nearMisses: [(PIIType, String)] = [
        (.ssn, "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000"),
        (.ssn, "9123-45-6789 123-45-67890 123-456-789 a123-45-6789 123-45 6789"),
        (.ssn, "order 123456789"),
        (.ssn, "ssnx: 123456789"),
        (.bsn, "123456782"),
        (.creditCard, "4111111111111112"),
        (.creditCard, "1234 5678 9012 3456"),
        (.creditCard, "41111111111111111111"),
        (.creditCard, "x4111111111111111"),
        (.creditCard, "4111 11 11 1111 1111"),
        (.creditCard, "9999999999999995"),
        (.email, "a@b @example.com a@ a@b. user@localhost x@1.2"),
        (.email, "@decorator.call"),
        (.phone, "1700000000 12345 555-1234 555-123-45678"),
        (.phone, "+1234567 ++ (555 123-456"),
        (.phone, "2024-05-06 12.123.1234"),
        (.ipAddress, "300.1.1.1 1.2.3 1.2.3.4.5 v1.2.3.4 1.2.3.256"),
        (.ipAddress, "12:30:45 dead::beef std::vector a::b :: 1:2:3"),
        (.ipAddress, "1::2::3"),
        (.dateOfBirth, "13/01/1990 01/32/1990 01/15/1890 2024-01-15 1990"),
        (.dateOfBirth, "born in 1990, reborn 1.1"),
        (.passport, "AB123456 passport holder passport: ABCDEFG"),
        (.driverLicense, "License agreement, license ABCDEFG, dl 123"),
        (.bankAccount, "12345678901 account 1234567 account since 2020"),
        (.bankAccount, "account on 2024-05-06"),
        (.bankAccount, "DE88370400440532013000 GB82WEST"),
        (.medicalRecord, "00123456 MRN pending medical records"),
        (.awsKey, "AKIAIOSFODNN7EXAMPL AKIAIOSFODNN7EXAMPLEX akiaiosfodnn7example"),
        (.awsKey, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        (.awsKey, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYx"),
        (.apiKey, "api key rotation policy, api_key: short"),
        (.apiKey, "API key rotation-and-revocation-runbook, access token documentation_for_new_developers"),
        (.phone, "sizes 100 200 3000"),
        (.driverLicense, "license 2024-12-31"),
    ]

    @Test(arguments: nearMisses)
    func leavesWhatOnlyLooksLikeIt(type: PIIType, text: String) throws {
        #expect(try found(text, [type]) == [], "\(type) in \(text)")
    }

    @Test(arguments: [
        (PIIType.ssn, "ssn", "123456789"), (.ssn, "user_ssn", "123456789"), (.bankAccount, "accountNumber", "12345678"),
        (.dateOfBirth, "dob", "1990-01-15"), (.apiKey, "api_key", "abcdefghijklmnopqrstuv"),
        (.passport, "passport_no", "AB123456"), (.driverLicense, "driver_license", "D1234567"),
        (.medicalRecord, "mrn", "AB123456"), (.ssn, "userSsn", "123456789"),
    ])
    func keyIsALabel(type: PIIType, key: String, value: String) throws {
        #expect(try found(value, [type], key: key) == [value])
        #expect(try found(value, [type], key: "note") == [])
    }

    @Test(arguments: [
        ("accounts_total", "12345678"), ("license_url", "D1234567"), ("assessment", "123456789"),
        ("expressNumber", "123456789"),
    ])
    func keyWithMoreThanALabelIsNone(key: String, value: String) throws {
        #expect(try found(value, Set(PIIType.allCases), key: key) == [])
    }

    @Test func findsAllOfAText() throws {
        let text =
            "SSN: 123-45-6789 or 987654321\nEmail: john@example.com\nPhone: (555) 123-4567 or +1-800-555-0199\nDOB: 01/15/1985"
        #expect(
            try found(text, Set(PIIType.allCases)) == [
                "123-45-6789", "john@example.com", "(555) 123-4567", "+1-800-555-0199", "01/15/1985",
            ])
    }

    @Test func ordinaryProseHasNone() throws {
        let text = """
            The quarterly report (v2.10.3, 2024-05-06) shows 12,345 units at 99.95 each; see section 4.1.2, build 20240506123456.
            Accounts and licenses are listed by date. Call account support, use passport.js, std::vector<int>, x = a[1:2].
            Ids: 1700000000, 550e8400-e29b-41d4-a716-446655440000, da39a3ee5e6b4b0d3255bfef95601890afd80709. At 12:30:45 UTC.
            """
        #expect(try found(text, Set(PIIType.allCases)) == [])
    }

    @Test(
        .timeLimit(.minutes(2)),
        arguments: [
            "1", "1 ", "4111 ", "@", "a@", "a.", ":", "a:", "::", "+", "(5", "ssn ", "account number ", "A", "A1",
            "\u{FF11}",
            "api_key: x", "1.", "1-", "DE89 ", "\u{200B}", "dob:", "é@",
        ])
    func longRunOfAnythingIsScannedInLinearTime(unit: String) throws {
        let text = String(repeating: unit, count: (1 << 18) / unit.utf8.count)
        _ = try found(text, Set(PIIType.allCases), key: unit)
    }
}
