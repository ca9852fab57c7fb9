// SPDX-License-Identifier: Apache-2.0

public import PluginFramework

/// The settings of `PIIFilterPlugin`, with ContextForge's keys (1.0.0 and `cpex-pii-filter`).
public struct PIIFilterSettings: PluginSettings {
    /// US social security numbers.
    public var detectSSN = true
    /// Dutch citizen service numbers, where labelled as such.
    public var detectBSN = true
    /// Payment card numbers: a known prefix and a valid check digit (Luhn).
    public var detectCreditCard = true
    /// Email addresses.
    public var detectEmail = true
    /// US phone numbers, and international ones with a `+`.
    public var detectPhone = true
    /// IPv4 and IPv6 addresses.
    public var detectIPAddress = true
    /// Dates labelled as a birth date, and any MM/DD/YYYY.
    public var detectDateOfBirth = true
    /// Passport numbers, where labelled as such.
    public var detectPassport = true
    /// Driver's licence numbers, where labelled as such.
    public var detectDriverLicense = true
    /// Bank account numbers where labelled as such, and IBANs with a valid check number.
    public var detectBankAccount = true
    /// Medical record numbers, where labelled as such.
    public var detectMedicalRecord = true
    /// AWS access key identifiers and secret access keys.
    public var detectAWSKeys = true
    /// API keys and tokens, where labelled as such.
    public var detectAPIKeys = true

    /// What takes the place of a value, unless a custom pattern says otherwise:
    /// `redact`, `partial`, `hash`, `tokenize` or `remove`.
    public var defaultMaskStrategy = "redact"
    /// What the strategy `redact` writes.
    public var redactionText = "[REDACTED]"

    /// Whether a call that holds personal data is blocked instead of masked.
    public var blockOnDetection = false
    /// Whether a log line tells the types and their number. The values are never logged.
    public var logDetections = true
    /// Whether the result's and the context's metadata, and a violation's details, tell types, number and places.
    public var includeDetectionDetails = true

    /// Patterns of your own.
    public var customPatterns: [PIICustomPattern] = []
    /// Patterns (case ignored) of values that are left alone: a value in which one matches is not masked.
    public var whitelistPatterns: [String] = []

    /// The longest single text that is looked at, in bytes of UTF-8; a longer one is an error.
    public var maxTextBytes = 10 << 20
    /// How deep objects and arrays may nest; deeper is an error.
    public var maxNestedDepth = 100
    /// How many members or elements one object or array may have; more is an error.
    public var maxCollectionItems = 100_000

    /// The defaults.
    public init() {}

    /// The keys as ContextForge spells them.
    enum CodingKeys: String, CodingKey {
        case detectSSN = "detect_ssn"
        case detectBSN = "detect_bsn"
        case detectCreditCard = "detect_credit_card"
        case detectEmail = "detect_email"
        case detectPhone = "detect_phone"
        case detectIPAddress = "detect_ip_address"
        case detectDateOfBirth = "detect_date_of_birth"
        case detectPassport = "detect_passport"
        case detectDriverLicense = "detect_driver_license"
        case detectBankAccount = "detect_bank_account"
        case detectMedicalRecord = "detect_medical_record"
        case detectAWSKeys = "detect_aws_keys"
        case detectAPIKeys = "detect_api_keys"
        case defaultMaskStrategy = "default_mask_strategy"
        case redactionText = "redaction_text"
        case blockOnDetection = "block_on_detection"
        case logDetections = "log_detections"
        case includeDetectionDetails = "include_detection_details"
        case customPatterns = "custom_patterns"
        case whitelistPatterns = "whitelist_patterns"
        case maxTextBytes = "max_text_bytes"
        case maxNestedDepth = "max_nested_depth"
        case maxCollectionItems = "max_collection_items"
    }
}

/// A pattern of the user's own, in the syntax of Python's `re`; case is ignored.
public struct PIICustomPattern: PluginSettings {
    /// Under which type it is counted and masked: one of ContextForge's type names.
    public var type = "custom"
    /// What to look for. Required.
    public var pattern = ""
    /// What it is, for people.
    public var description = ""
    /// What takes the place of a match; `default_mask_strategy` when absent.
    public var maskStrategy: String?
    /// Whether it is used at all.
    public var enabled = true

    /// An empty pattern, which is refused.
    public init() {}

    /// The keys as ContextForge spells them.
    enum CodingKeys: String, CodingKey {
        case type, pattern, description, enabled
        case maskStrategy = "mask_strategy"
    }
}

extension PIIFilterSettings {
    /// Whether values of a type are looked for without a custom pattern.
    func detects(_ type: PIIType) -> Bool {
        switch type {
        case .ssn: detectSSN
        case .bsn: detectBSN
        case .creditCard: detectCreditCard
        case .email: detectEmail
        case .phone: detectPhone
        case .ipAddress: detectIPAddress
        case .dateOfBirth: detectDateOfBirth
        case .passport: detectPassport
        case .driverLicense: detectDriverLicense
        case .bankAccount: detectBankAccount
        case .medicalRecord: detectMedicalRecord
        case .awsKey: detectAWSKeys
        case .apiKey: detectAPIKeys
        case .custom: false
        }
    }
}
