"""What an operator asks and says: why, what if, and instead.

facts          what the store knows of one device
explain        why it is so, and why each was told or not
wording        every reason in words
differences    what a stream would be told now
rehearse       one webhook, with nothing sent
stuck          what stays as it is until somebody acts
word           an override, a retirement
replay         a webhook once more
person         all about one human being
configuration  what changed since the last start
"""
