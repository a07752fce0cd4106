"""What the operator should hear of.

watch    what shows in the bridge's own state
alarm    what begins to be held back
notices  what is due to be said, and where
rules    when, and what becomes of it
lane     one target's messages on their way
"""
