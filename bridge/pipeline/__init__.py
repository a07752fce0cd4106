"""The use cases, each a loop or one call; the only callers of the store.

intake   a webhook → durable, with the looks that it rings for
looks    a due look → the vendor's answer
tell     the answer → belief, and the SETs that each stream is owed, in one commit
turn     what waits for the teller, which of it goes together, and what of it is written
outbox   a due SET → the receiver, and what its answer means
streams  the configured receivers ↔ the streams that the store knows
"""
