// SPDX-License-Identifier: Apache-2.0

import PluginFramework
import Testing
import Values

@Test(arguments: [
    "password", "PASSWORD", "dbPassword", "db_password", "db-password", "keyfile_password", "secret", "client_secret",
    "token",
    "access_tokens", "apiKey", "API_KEY", "apikey", "x-api-key", "private_key", "signingKey", "key", "authorization",
    "Cookie",
    "credentials", "jwt", "passphrase", "OPENAI_API_KEY",
])
func keysThatLookSecretAre(key: String) {
    #expect(SecretMask().isSecret(key: key))
}

@Test(arguments: [
    "keyfile", "certfile", "keys_per_page", "keyboard", "monkey", "cache_key", "secretary", "token_file", "api_key_env",
    "path", "author",
    "tokenizer", "redis_key_prefix", "search", "host", "", "default_mask_strategy", "password_file", "secret_name",
])
func otherKeysAreNot(key: String) {
    #expect(!SecretMask().isSecret(key: key))
}

@Test func listedKeysAreSecretHoweverTheyAreSpelled() {
    let mask = SecretMask(secretKeys: ["houseNumber"])
    for key in ["house_number", "HOUSE-NUMBER", "houseNumber", "HouseNumber"] { #expect(mask.isSecret(key: key)) }
    #expect(mask.masking(["house_number": 7]) == ["house_number": "********"])
    #expect(!mask.isSecret(key: "house"))
}

@Test func everythingBelowASecretKeyIsMasked() {
    let value: Value = [
        "tokens": ["a", ["b": "c", "n": 1, "d": 1.5, "flag": true, "none": nil]],
        "max_tokens": 100, "password": 1234, "detect_api_keys": true, "other": ["x", 2],
    ]
    #expect(
        SecretMask().masking(value) == [
            "tokens": ["********", ["b": "********", "n": "********", "d": "********", "flag": true, "none": nil]],
            "max_tokens": 100, "password": "********", "detect_api_keys": true, "other": ["x", 2],
        ])
}

@Test func pathsAreMaskedWhateverTheirKey() {
    let value: Value = ["a": ["b": ["x", "y"], "c": "z"], "d.e": "f", "n": 5]
    #expect(
        SecretMask().masking(value, secretPaths: ["a.b.1", "d.e", "n"]) == [
            "a": ["b": ["x", "********"], "c": "z"], "d.e": "********", "n": "********",
        ])
}

@Test(arguments: [
    ("redis://user:pw@host:6379/0", "redis://user:********@host:6379/0"),
    ("https://user:p@ss@host/", "https://user:********@host/"),
    ("redis://:pw@host", "redis://:********@host"),
    ("https://user@host/", "https://user@host/"),
    ("https://host:80/a@b", "https://host:80/a@b"),
    ("https://host/?q=a:b@c", "https://host/?q=a:b@c"),
    ("no url: a@b", "no url: a@b"),
    ("://", "://"),
])
func passwordsInURLsAreMasked(text: String, shown: String) {
    #expect(SecretMask().masking(["url": .string(text)]) == ["url": .string(shown)])
}
