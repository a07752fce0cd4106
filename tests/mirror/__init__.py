"""A mirror, in our own words, of what a conformance suite for SSF transmitters checks.

It is written from the specifications, and plays against one real `serve` over TLS: the receiver is the one of
`tests/independent`. Each test names in its docstring the rule that it shows: a section of SSF 1.0, of RFC 8935, 8936,
8417, 6749 or 6750, or a line (IOP-…) of the interoperability profile's checklist. `docs/conformance.md` is its index.
"""
