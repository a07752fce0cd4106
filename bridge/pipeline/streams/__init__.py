"""The streams: which run, as whom, and what becomes of them.

plan        the configured receivers ↔ the streams that the store knows
beginning   what a start makes of them
subscribed  the stream that a receiver made, as it runs
running     a stream now, and which of its SETs may go
keeper      holds those that run, and notices what changes
roster      all of them, for those who ask
resume      belief against what one was told
reach       whom a subject can be about
regroup     a changed `aggregate`
narrowed    one that may hear of less than before
framework   SETs about the stream itself
verifier    verification events
herald      stream-updated: what we changed ourselves
upkeep      streams that nobody uses or that reach nobody
activity    when each was last used
clearing    what a deleted one leaves
"""
