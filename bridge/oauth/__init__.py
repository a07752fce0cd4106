"""Who calls: the receivers that use our API, how they prove themselves, and the tokens that they are given.

caller      who calls, and what they may
"""
