# SPDX-License-Identifier: Apache-2.0
"""What `make bench` measures: a module for each part of its table."""
