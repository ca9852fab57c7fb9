// SPDX-License-Identifier: Apache-2.0
// The 8-bit library: text reaches it as UTF-8, as Swift stores it.
#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>
