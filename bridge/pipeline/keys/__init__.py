"""The keys that sign SETs, and what hangs on them.

keyring   the keys of a running bridge
rotation  one change, in an order that a crash may break anywhere
remint    SETs that cannot go out as they were signed
reread    secrets in files that change
"""
