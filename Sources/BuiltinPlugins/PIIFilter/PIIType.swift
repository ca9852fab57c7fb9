// SPDX-License-Identifier: Apache-2.0

/// What kind of personal data was found; the raw values are ContextForge's names.
enum PIIType: String, Codable, Sendable, CaseIterable {
    case ssn
    case bsn
    case creditCard = "credit_card"
    case email
    case phone
    case ipAddress = "ip_address"
    case dateOfBirth = "date_of_birth"
    case passport
    case driverLicense = "driver_license"
    case bankAccount = "bank_account"
    case medicalRecord = "medical_record"
    case awsKey = "aws_key"
    case apiKey = "api_key"
    case custom
}
