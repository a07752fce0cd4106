"""A small receiver by the book: discovery → token → create → verify → receive → ack.

It shares no code with `bridge/`: the standard library, httpx2, joserfc and cryptography are all that it imports
(`test_independence.py` keeps it so). What it demands is read from the specifications alone, so it disagrees where the
transmitter misread them. Tests use it as a library; assertions about a single answer are theirs.
"""
