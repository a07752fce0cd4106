"""Who is told what, in which shape: subjects, events, wire profiles, the signed token, keys and discovery.

Pure but for `keys`, which reads and writes the signing key's file.
"""
