"""`check --online`: what only the network can tell. Each question is asked once, all at the same time.

line           what a question found, and what to do about it
vendors        each connector's API
receivers      each receiver's endpoint; never a SET
sides          the APIs of receivers that can be asked whom they know
issuer         our own documents, as the world sees them
documents      what those documents must say                        pure
certificate    when the certificate of an address ends
clock          the clocks of all who answered, and ours             pure
asked          all of it at once, bounded in time
"""

from __future__ import annotations
