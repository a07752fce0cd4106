"""The use cases, each a loop or one call; the only callers of the store.

One webhook:

intake   a webhook → durable, with the looks that it rings for
looks    a due look → the vendor's answer
tell     the answer → belief, and the SETs that each stream is owed, in one commit
turn     what waits for the teller, which of it goes together, and what of it is written
draft, owed, owing, rename    one decision → what each stream is owed
gate     who would lose access by it, and what is kept back
mint     events → signed SETs
sending  a SET → the receiver, and what its answer means

Around it, each room above the ones before it:

streams    which streams run, and what becomes of them
keys       what signs
api        what receivers may do with streams of their own
errands    what commands ask of the running service
fleet      all devices of a vendor at once
notices    what the operator should hear of
operator   what an operator asks and says
"""
